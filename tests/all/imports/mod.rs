//! `palisade import users`: accounts come with their ids and passwords, and what cannot come is told by its line.

use palisade::app::{Import, ImportedRow};
use palisade::guard::Principal;
use palisade::guard::actions::{ImportUsers, VerifyEvents};
use serde_json::json;

use crate::on_both;
use crate::process::{Child, Place, in_places};
use crate::support::Server;

in_places!(
    a_file_of_json_lines_is_imported_once_however_often_it_is_run,
    a_csv_file_is_imported_by_its_header,
    a_dry_run_writes_nothing,
    accounts_of_firebase_sign_in,
);
on_both!(
    the_first_sign_in_makes_the_hash_anew,
    an_import_is_an_event_without_secrets,
    an_id_or_address_of_another_account_is_refused,
    d44_a_long_password_of_bcrypt_does_not_open_the_account_of_another,
);

/// `abc` (jBCrypt's own tests).
const ABC: &str = "$2a$06$If6bvum7DFjUnE9p2uDeDu0YHzrHM6tf.iqN8.yx.jNN1ILEf7h0i";
/// `password` (passlib's).
const PASSWORD: &str =
    "$pbkdf2-sha256$1212$4vjV83LKPjQzk31VI4E0Vw$hsYF68OiOUPdDZ1Fg.fJPeq1h/gXXY7acBp9/6c.tmQ";
const ADA: &str = "018f2f6e-7a2c-7d10-8c53-9f0c4a1b2c3d";

fn write(place: &Place, name: &str, text: &str) -> String {
    let path = place.folder.path().join(name);
    std::fs::write(&path, text).expect("the folder can be written");
    path.display().to_string()
}

/// The account, if this password opens it.
async fn me(server: &Child, email: &str, password: &str) -> Option<serde_json::Value> {
    let body = json!({ "email": email, "password": password });
    let (status, told) =
        server.send("POST", "/api/v1/auth/login", None, Some(body)).await.expect("an answer");
    let access = told["access_token"].as_str().filter(|_| status == 200)?;
    server.send("GET", "/api/v1/auth/me", Some(access), None).await.map(|(_, me)| me)
}

async fn a_file_of_json_lines_is_imported_once_however_often_it_is_run(place: Place) {
    let lines = [
        json!({ "id": ADA, "email": "Ada@Example.com", "email_verified": true, "password_hash": ABC,
                "full_name": "Ada Lovelace", "created_at": "2020-02-29T12:00:00Z" }),
        json!({ "email": "bob@example.com", "password_hash": PASSWORD }),
        json!({ "email": "no address" }),
        json!({ "email": "eve@example.com", "password_hash": "5f4dcc3b5aa765d61d8327deb882cf99" }),
        json!({ "email": "ada@example.com" }),
        json!({ "email": "mal@example.com", "is_super_admin": true }),
        json!({ "email": "ned@example.com", "id": "7" }),
        json!({ "id": "canary-id" }),
        json!({ "email": "kim@example.com", "email_verified": "canary-yes" }),
    ];
    let mut text: String = lines.iter().map(|line| format!("{line}\n")).collect();
    text.push_str("\n{\"email\": \"canary-broken\n");
    let file = write(&place, "users.jsonl", &text);
    let first = place.run(&["import", "users", &file], "");
    assert_eq!(first.code, Some(1), "{}", first.stderr);
    let told: Vec<&str> = first.stdout.lines().collect();
    for (line, why) in [
        ("line 3: ", "email: "),
        ("line 4: ", "password_hash: the password hash is of no known kind"),
        ("line 5: ", "email: line 1 has the same address"),
        ("line 6: ", "unknown field `is_super_admin`"),
        ("line 7: ", "id: this is not a UUID"),
        ("line 8: ", "missing field `email`"),
        ("line 9: ", "a field has the wrong type"),
        ("line 11: ", "this is not JSON"),
    ] {
        assert!(told.iter().any(|one| one.starts_with(&format!("{line}{why}"))), "{line}{why}: {told:?}");
    }
    assert_eq!(told.last(), Some(&"2 accounts imported, 0 there already, 8 refused"));
    assert!(!first.stdout.contains("canary") && !first.stdout.contains("5f4dcc"), "{}", first.stdout);

    let again = place.run(&["import", "users", &file], "");
    assert_eq!(again.code, Some(1));
    assert!(again.stdout.ends_with("0 accounts imported, 2 there already, 8 refused\n"), "{}", again.stdout);

    let server = place.serve();
    let ada = me(&server, "ada@example.com", "abc").await.expect("her password is as it was");
    assert_eq!((&ada["id"], &ada["is_verified"]), (&json!(ADA), &json!(true)));
    assert_eq!(ada["full_name"], json!("Ada Lovelace"));
    assert!(ada["created_at"].as_str().unwrap().starts_with("2020-02-29T12:00:00"), "{ada}");
    let bob = me(&server, "bob@example.com", "password").await.expect("his password is as it was");
    assert_eq!(bob["is_verified"], json!(false));
    assert!(me(&server, "bob@example.com", "passwore").await.is_none());
    assert!(me(&server, "eve@example.com", "password").await.is_none());
}

async fn a_csv_file_is_imported_by_its_header(place: Place) {
    let text = format!(
        "email,id,password_hash,suspended,full_name\nada@example.com,{ADA},{ABC},,\"Lovelace, Ada\"\n\
         bob@example.com,,{PASSWORD},true,\nshort@example.com,\n\"eve@example.com\",,,canary-maybe,\n"
    );
    let file = write(&place, "users.csv", &text);
    let told = place.run(&["import", "users", &file], "");
    assert_eq!(told.code, Some(1), "{}", told.stderr);
    assert!(told.stdout.contains("line 4: this row has 2 fields; the header has 5\n"), "{}", told.stdout);
    assert!(told.stdout.contains("line 5: email_verified and suspended are "), "{}", told.stdout);
    assert!(told.stdout.ends_with("2 accounts imported, 0 there already, 2 refused\n"), "{}", told.stdout);
    assert!(!told.stdout.contains("canary"), "{}", told.stdout);
    let server = place.serve();
    let ada = me(&server, "ada@example.com", "abc").await.expect("her password is as it was");
    assert_eq!((&ada["id"], &ada["full_name"]), (&json!(ADA), &json!("Lovelace, Ada")));
    assert!(me(&server, "bob@example.com", "password").await.is_none(), "he is suspended");
    drop(server);

    let file = write(&place, "unknown.csv", "email,banned\nned@example.com,true\n");
    let told = place.run(&["import", "users", &file], "").failed();
    assert!(told.contains("the header has a column `banned`"), "{told}");
    assert!(place.run(&["import", "users", "nowhere.csv"], "").failed().contains("nowhere.csv"));
}

async fn a_dry_run_writes_nothing(place: Place) {
    let file = write(
        &place,
        "users.jsonl",
        &format!("{}\n", json!({ "email": "ada@example.com", "password_hash": ABC })),
    );
    for _ in 0..2 {
        let told = place.run(&["import", "users", &file, "--dry-run"], "").succeeded();
        assert_eq!(told, "1 accounts would be imported, 0 there already, 0 refused\n");
    }
    let told = place.run(&["import", "users", &file], "").succeeded();
    assert_eq!(told, "1 accounts imported, 0 there already, 0 refused\n");
}

async fn accounts_of_firebase_sign_in(place: Place) {
    let row = json!({
        "email": "ada@example.com", "password_salt": "42xEC+ixf3L2lw==",
        "password_hash": "lSrfV15cpx95/sZS2W9c9Kp6i/LVgQNDNC/qzrCnh1SAyZvqmZqAjTdn3aoItz+VHjoZilo78198JAdRuid5lQ==",
    });
    let file = write(&place, "users.jsonl", &format!("{row}\n"));
    let told = place.run(&["import", "users", &file], "");
    assert!(told.code == Some(1) && told.stdout.contains("--firebase is not given"), "{}", told.stdout);
    let parameters = "hash_config {\n  algorithm: SCRYPT,\n  base64_signer_key: jxspr8Ki0RYycVU8zykbdLGjFQ3McFUH0uii\
                      TvC8pVMXAn210wjLNmdZJzxUECKbm0QsEmYUSDzZvpjeJ9WmXA==,\n  base64_salt_separator: Bw==,\n  \
                      rounds: 8,\n  mem_cost: 14,\n}\n";
    let parameters = write(&place, "firebase.txt", parameters);
    place.run(&["import", "users", &file, "--firebase", &parameters], "").succeeded();
    let server = place.serve();
    assert!(me(&server, "ada@example.com", "user1password").await.is_some());
    assert!(me(&server, "ada@example.com", "user2password").await.is_none());
}

fn row(email: &str, hash: &str) -> ImportedRow {
    ImportedRow {
        line: 1,
        email: email.to_owned(),
        password_hash: Some(hash.to_owned()),
        ..ImportedRow::default()
    }
}

pub async fn import(server: &Server, rows: &[ImportedRow]) -> Import {
    let caller = Principal::system("cli", "test".to_owned());
    let ok = server.app.authorize(&caller, ImportUsers {}).await.unwrap();
    let mut import = Import::default();
    server.app.import_users(&ok, &mut import, rows).await.unwrap();
    import
}

async fn opens(server: &Server, email: &str, password: &str) -> bool {
    let body = json!({ "email": email, "password": password });
    server.post("/api/v1/auth/login", body).await.status == 200
}

async fn stored_hash(server: &Server, email: &str) -> String {
    let url = server.config.database_url();
    let sql = format!("SELECT password_hash FROM users WHERE email = '{email}'");
    crate::store::texts(url.expose(), sql).await.remove(0).remove(0)
}

async fn the_first_sign_in_makes_the_hash_anew(server: Server) {
    import(&server, &[row("ada@example.com", ABC)]).await;
    assert_eq!(stored_hash(&server, "ada@example.com").await, ABC);
    assert!(!opens(&server, "ada@example.com", "abd").await);
    assert_eq!(stored_hash(&server, "ada@example.com").await, ABC);
    assert!(opens(&server, "ada@example.com", "abc").await);
    assert!(stored_hash(&server, "ada@example.com").await.starts_with("$argon2id$v=19$m=8,t=1,p=1$"));
    assert!(opens(&server, "ada@example.com", "abc").await);
}

async fn an_import_is_an_event_without_secrets(server: Server) {
    import(
        &server,
        &[row("ada@example.com", ABC), ImportedRow { line: 2, ..row("bob@example.com", PASSWORD) }],
    )
    .await;
    import(&server, &[row("ada@example.com", ABC)]).await;
    let caller = Principal::system("cli", "test".to_owned());
    let ok = server.app.authorize(&caller, VerifyEvents {}).await.unwrap();
    let events = server.app.export_events(&ok, 0).await.unwrap();
    let imports: Vec<_> = events.iter().filter(|event| event.action == "ImportUsers").collect();
    assert_eq!(imports.len(), 1);
    assert_eq!(imports[0].details["users"].as_array().unwrap().len(), 2);
    assert!(!format!("{:?}", imports[0]).contains("$2a$"));
}

async fn an_id_or_address_of_another_account_is_refused(server: Server) {
    let with_id = |email: &str, id: &str| ImportedRow { id: Some(id.to_owned()), ..row(email, ABC) };
    import(&server, &[with_id("ada@example.com", ADA)]).await;
    let other = ADA.replace("018f", "018e");
    for (row, why) in [
        (with_id("ada@example.com", &other), "email: an account with another id has this address"),
        (with_id("bob@example.com", ADA), "id: an account with another address has this id"),
    ] {
        let report = import(&server, &[row]).await.report;
        assert_eq!(report.refused, [(1, why.to_owned())]);
        assert_eq!((report.imported, report.present), (0, 0));
    }
    assert_eq!(import(&server, &[with_id("ada@example.com", ADA)]).await.report.present, 1);
    assert_eq!(import(&server, &[row("ada@example.com", ABC)]).await.report.present, 1);
}

async fn d44_a_long_password_of_bcrypt_does_not_open_the_account_of_another(server: Server) {
    // bcrypt of 80 characters: to bcrypt, of the first 72.
    let long = "0123456789abcdef".repeat(5);
    let hash = bcrypt::hash_with_salt(&long, 4, [7; 16]).unwrap().format_for_version(bcrypt::Version::TwoB);
    import(&server, &[row("ada@example.com", &hash), ImportedRow { line: 2, ..row("bob@example.com", ABC) }])
        .await;
    for attempt in [&long[..72], &long[..79], &format!("{}!", &long[..72])] {
        assert!(!opens(&server, "ada@example.com", attempt).await, "{attempt}");
    }
    assert!(!opens(&server, "bob@example.com", "abc\0").await);
    assert!(!opens(&server, "bob@example.com", "abc\0abc").await);
    assert!(opens(&server, "bob@example.com", "abc").await);
}
