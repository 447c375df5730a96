//! Known answers, each from the publication that is named.

use super::*;

fn verifies(text: &str, password: &[u8]) -> bool {
    let text = import_hash(text).expect("a hash that is known");
    Imported::parse(&text).expect("what was imported is read again").matches(password)
}

fn right_only(text: &str, password: &str) {
    assert!(verifies(text, password.as_bytes()), "{text}");
    assert!(!verifies(text, format!("{password}!").as_bytes()), "{text}");
    assert!(!verifies(text, b"another password"), "{text}");
}

#[test]
fn bcrypt_as_jbcrypt_and_the_wikipedia_spell_it() {
    let abc = "$06$If6bvum7DFjUnE9p2uDeDu0YHzrHM6tf.iqN8.yx.jNN1ILEf7h0i";
    for version in ["$2a", "$2b", "$2y"] {
        right_only(&format!("{version}{abc}"), "abc");
    }
    right_only("$2a$06$.rCVZVOThsIa97pEDOxvGuRRgzG64bvtJ0938xuqzv18d3ZpQhstC", "abcdefghijklmnopqrstuvwxyz");
    right_only("$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW", "U*U");
    assert!(verifies("$2a$06$DCq7YPn5Rq63x1Lad4cll.TV4S6ytwfsfvkgY8jIucDrjc8deX1s.", b""));
}

fn bcrypted(password: &[u8]) -> String {
    bcrypt::hash_with_salt(password, 4, [7; 16]).unwrap().format_for_version(bcrypt::Version::TwoB)
}

#[test]
fn d44_bcrypt_takes_no_password_that_it_cannot_tell_from_another() {
    let long = "0123456789abcdef".repeat(5);
    for length in [72, 73, 80] {
        let stored = bcrypted(&long.as_bytes()[..length]);
        for attempt in [71, 72, 73, 80] {
            assert!(!verifies(&stored, &long.as_bytes()[..attempt]), "{length} {attempt}");
        }
    }
    let stored = bcrypted(&long.as_bytes()[..71]);
    assert!(verifies(&stored, &long.as_bytes()[..71]));
    assert!(!verifies(&stored, &long.as_bytes()[..72]));

    let stored = bcrypted(b"abc");
    assert!(verifies(&stored, b"abc"));
    for attempt in [b"abc\0".as_slice(), b"abc\0abc", b"abc\0x"] {
        assert!(!verifies(&stored, attempt), "{attempt:?}");
    }
}

#[test]
fn pbkdf2_of_passlib_and_of_rfc_7914() {
    let passlib = "$pbkdf2-sha256$1212$4vjV83LKPjQzk31VI4E0Vw$hsYF68OiOUPdDZ1Fg.fJPeq1h/gXXY7acBp9/6c.tmQ";
    right_only(passlib, "password");
    let passlib = "$pbkdf2-sha512$1212$RHY0Fr3IDMSVO/RSZyb5ow$eNLfBK.eVozomMr.1gYa17k9B7KIK25NOEshvhrSX.\
                   esqY3s.FvWZViXz4KoLlQI.BzY/YTNJOiKc5gBYFYGww";
    right_only(passlib, "password");
    // Section 11.
    let rfc = "55ac046e56e3089fec1691c22544b605f94185216dde0465e68b9d57c20dacbc\
               49ca9cccf179b645991664b39d77ef317c71b845b1e30bd509112041d3a19783";
    let (salt, hash) = (STANDARD_NO_PAD.encode("salt"), STANDARD_NO_PAD.encode(hex(rfc)));
    right_only(&format!("$pbkdf2-sha256${}${salt}${hash}", 1), "passwd");
    right_only(&format!("$pbkdf2-sha256$i=1,l=64${salt}${hash}"), "passwd");
}

#[test]
fn pbkdf2_of_django() {
    // `hashlib.pbkdf2_hmac('sha256', 'lètmein'.encode(), b'seasalt', 20000)`.
    right_only("pbkdf2_sha256$20000$seasalt$oBSd886ysm3AqYun62DOdin8YcfbU1z9cksZSuLP9r0=", "lètmein");
}

#[test]
fn scrypt_of_rfc_7914() {
    // Section 12.
    for (ln, p, password, salt, hash) in [
        (
            10,
            16,
            "password",
            "NaCl",
            "fdbabe1c9d3472007856e7190d01e9fe7c6ad7cbc8237830e77376634b373162\
             2eaf30d92e22a3886ff109279d9830dac727afb94a83ee6d8360cbdfa2cc0640",
        ),
        (
            14,
            1,
            "pleaseletmein",
            "SodiumChloride",
            "7023bdcb3afd7348461c06cd81fd38ebfda8fbba904f8e3ea9b543f6545da1f2\
             d5432955613f0fcf62d49705242a9af9e61e85dc0d651e40dfcf017b45575887",
        ),
    ] {
        let (salt, hash) = (STANDARD_NO_PAD.encode(salt), STANDARD_NO_PAD.encode(hex(hash)));
        right_only(&format!("$scrypt$ln={ln},r=8,p={p}${salt}${hash}"), password);
    }
}

/// The example of Firebase's own scrypt tool.
const FIREBASE: &str = r"hash_config {
  algorithm: SCRYPT,
  base64_signer_key: jxspr8Ki0RYycVU8zykbdLGjFQ3McFUH0uiiTvC8pVMXAn210wjLNmdZJzxUECKbm0QsEmYUSDzZvpjeJ9WmXA==,
  base64_salt_separator: Bw==,
  rounds: 8,
  mem_cost: 14,
}";
const FIREBASE_HASH: &str =
    "lSrfV15cpx95/sZS2W9c9Kp6i/LVgQNDNC/qzrCnh1SAyZvqmZqAjTdn3aoItz+VHjoZilo78198JAdRuid5lQ==";

#[test]
fn firebase_scrypt_as_its_own_tool_computes_it() {
    let parameters = FirebaseScrypt::parse(FIREBASE).unwrap();
    let stored = parameters.import(FIREBASE_HASH, "42xEC+ixf3L2lw==").unwrap();
    right_only(&stored, "user1password");
    // Exports spell base64 in either way.
    let url_safe = FIREBASE_HASH.replace('+', "-").replace('/', "_");
    assert_eq!(parameters.import(&url_safe, "42xEC-ixf3L2lw==").unwrap(), stored);
    assert!(!stored.contains("jxspr8Ki0RYycVU8"));
    assert_eq!(parameters.import("c2hvcnQ=", "42xEC+ixf3L2lw==").unwrap_err(), ImportError::Damaged);
}

#[test]
fn firebase_parameters_are_complete_or_refused() {
    for line in ["base64_signer_key", "base64_salt_separator", "rounds", "mem_cost"] {
        let without: Vec<&str> = FIREBASE.lines().filter(|text| !text.contains(line)).collect();
        assert_eq!(
            FirebaseScrypt::parse(&without.join("\n")).unwrap_err(),
            ImportError::Parameters,
            "{line}"
        );
    }
    assert!(!format!("{:?}", FirebaseScrypt::parse(FIREBASE).unwrap()).contains("jxspr8Ki0RYycVU8"));
    let costly = FirebaseScrypt::parse(&FIREBASE.replace("14", "24")).unwrap();
    assert_eq!(costly.import(FIREBASE_HASH, "42xEC+ixf3L2lw==").unwrap_err(), ImportError::TooCostly);
}

#[test]
fn a_hash_of_no_known_kind_is_refused_and_so_is_one_that_costs_too_much() {
    let salt_and_hash = "R9h/cIPz0gi.URNNX3kh2OPST9/PgBkqquzi.Ss7KIUgO2t0jWMUW";
    for (text, error) in [
        ("", ImportError::Unknown),
        ("hunter2", ImportError::Unknown),
        ("5f4dcc3b5aa765d61d8327deb882cf99", ImportError::Unknown),
        ("md5$salt$5f4dcc3b5aa765d61d8327deb882cf99", ImportError::Unknown),
        (&format!("$2x$12${salt_and_hash}"), ImportError::Unknown),
        (&format!("$2b$03${salt_and_hash}"), ImportError::Damaged),
        (&format!("$2b$+4${salt_and_hash}"), ImportError::Damaged),
        (&format!("$2b$12${}", &salt_and_hash[1..]), ImportError::Damaged),
        (&format!("$2b$12$é{}", &salt_and_hash[2..]), ImportError::Damaged),
        (&format!("$2b$31${salt_and_hash}"), ImportError::TooCostly),
        ("pbkdf2_sha256$0$salt$oBSd886ysm3AqYun62DOdin8YcfbU1z9cksZSuLP9r0=", ImportError::Damaged),
        ("pbkdf2_sha256$99999999$salt$oBSd886ysm3AqYun62DOdin8YcfbU1z9cksZSuLP9r0=", ImportError::TooCostly),
        ("pbkdf2_sha256$1000$salt$", ImportError::Damaged),
        ("pbkdf2_sha256$1000$salt$not base64", ImportError::Damaged),
        ("$scrypt$ln=63,r=8,p=1$c2FsdA$oBSd886ysm3AqYun62DOdin8YcfbU1z9cksZSuLP9r0", ImportError::TooCostly),
        (
            "$scrypt$ln=14,r=8,p=999$c2FsdA$oBSd886ysm3AqYun62DOdin8YcfbU1z9cksZSuLP9r0",
            ImportError::TooCostly,
        ),
        ("$scrypt$ln=14,r=8$c2FsdA$oBSd886ysm3AqYun62DOdin8YcfbU1z9cksZSuLP9r0", ImportError::Damaged),
        ("$scrypt$ln=14,r=0,p=1$c2FsdA$oBSd886ysm3AqYun62DOdin8YcfbU1z9cksZSuLP9r0", ImportError::Damaged),
        (
            "$argon2id$v=19$m=4294967295,t=1,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
            ImportError::Damaged,
        ),
    ] {
        assert_eq!(import_hash(text).unwrap_err(), error, "{text}");
    }
}

fn hex(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
}
