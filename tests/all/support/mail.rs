//! What the server mailed.

use palisade::app::mail_principal;
use palisade::guard::actions::DeliverMail;

use super::Server;

/// A letter as it lies in the development folder.
#[derive(Debug, Clone)]
pub struct Mail {
    pub to: String,
    pub subject: String,
    pub text: String,
}

impl Mail {
    /// The token of the link in it.
    #[track_caller]
    pub fn token(&self) -> String {
        let (_, rest) = self.text.split_once("token=").unwrap_or_else(|| panic!("no link in {}", self.text));
        rest.chars().take_while(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_')).collect()
    }
}

impl Server {
    /// Delivers what waits, and reads every letter sent so far, oldest first.
    pub async fn mails(&self) -> Vec<Mail> {
        let caller = mail_principal();
        let ok = self.app.authorize(&caller, DeliverMail {}).await.expect("the mail job may deliver");
        self.app.deliver_mail(&ok).await.expect("mail can be delivered");
        let mut files: Vec<_> = std::fs::read_dir(self.folder.path().join("mail"))
            .map(|files| files.map(|file| file.expect("the folder can be read").path()).collect())
            .unwrap_or_default();
        files.sort();
        files.iter().map(|file| parse(&std::fs::read_to_string(file).expect("a letter is text"))).collect()
    }

    /// The newest letter to `to`.
    pub async fn last_mail(&self, to: &str) -> Mail {
        let mails = self.mails().await;
        mails.into_iter().rfind(|mail| mail.to.contains(to)).unwrap_or_else(|| panic!("no letter to {to}"))
    }
}

fn parse(text: &str) -> Mail {
    let header = |name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name));
        line.unwrap_or_default().trim().to_owned()
    };
    Mail { to: header("To:"), subject: header("Subject:"), text: text.to_owned() }
}
