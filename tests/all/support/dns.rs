//! A DNS server of the tests' own, on loopback: has the records that it is given, and an answer for whoever asks.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;

use hickory_resolver::proto::op::{Message, OpCode, ResponseCode};
use hickory_resolver::proto::rr::rdata::{CNAME, TXT};
use hickory_resolver::proto::rr::{Name, RData, Record};
use parking_lot::Mutex;
use tokio::net::UdpSocket;

/// What a name has.
#[derive(Debug, Clone)]
pub enum Entry {
    /// TXT records, each of one or more strings.
    Texts(Vec<Vec<String>>),
    /// Another name, as CNAME.
    Alias(String),
    /// The server fails.
    Failure,
}

/// The server. Names are lower case; `*.acme.example` stands for every name below that has no entry.
#[derive(Debug, Clone)]
pub struct Dns {
    pub address: SocketAddr,
    zone: Arc<Mutex<HashMap<String, Entry>>>,
    /// Names that were asked for.
    pub asked: Arc<Mutex<Vec<String>>>,
}

impl Dns {
    /// Begins to answer; it ends with the test.
    pub fn start() -> Self {
        let socket = std::net::UdpSocket::bind("127.0.0.1:0").expect("a port is free");
        socket.set_nonblocking(true).expect("a socket can wait");
        let address = socket.local_addr().expect("it has an address");
        let dns = Self { address, zone: Arc::default(), asked: Arc::default() };
        let answering = dns.clone();
        let socket = UdpSocket::from_std(socket).expect("it can be listened to");
        tokio::spawn(async move {
            let mut buffer = [0; 4096];
            while let Ok((length, from)) = socket.recv_from(&mut buffer).await {
                let Ok(question) = Message::from_vec(&buffer[..length]) else { continue };
                let answer = answering.answer(&question).to_vec().expect("an answer can be written");
                socket.send_to(&answer, from).await.expect("an answer can be sent");
            }
        });
        dns
    }

    pub fn set(&self, name: &str, entry: Entry) {
        self.zone.lock().insert(name.to_owned(), entry);
    }

    /// One TXT record of one string.
    pub fn publish(&self, name: &str, text: &str) {
        self.set(name, Entry::Texts(vec![vec![text.to_owned()]]));
    }

    pub fn remove(&self, name: &str) {
        self.zone.lock().remove(name);
    }

    fn find(&self, name: &str) -> Option<Entry> {
        let zone = self.zone.lock();
        let above = name.match_indices('.').map(|(at, _)| format!("*{}", &name[at..]));
        std::iter::once(name.to_owned()).chain(above).find_map(|name| zone.get(&name).cloned())
    }

    /// As a server that looks everything up for who asks: with the records behind an alias.
    fn answer(&self, question: &Message) -> Message {
        let mut answer = Message::response(question.metadata.id, OpCode::Query);
        answer.metadata.recursion_available = true;
        let query = question.queries.first().expect("a question").clone();
        let mut name = query.name().clone();
        answer.add_query(query);
        let text = |name: &Name| name.to_ascii().to_ascii_lowercase().trim_end_matches('.').to_owned();
        self.asked.lock().push(text(&name));
        loop {
            match self.find(&text(&name)) {
                None => answer.metadata.response_code = ResponseCode::NXDomain,
                Some(Entry::Failure) => answer.metadata.response_code = ResponseCode::ServFail,
                Some(Entry::Texts(texts)) => {
                    for text in texts {
                        answer.add_answer(Record::from_rdata(name.clone(), 60, RData::TXT(TXT::new(text))));
                    }
                }
                Some(Entry::Alias(to)) => {
                    let to = Name::from_ascii(format!("{to}.")).expect("a name");
                    answer.add_answer(Record::from_rdata(name, 60, RData::CNAME(CNAME(to.clone()))));
                    name = to;
                    continue;
                }
            }
            return answer;
        }
    }
}
