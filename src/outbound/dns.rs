//! What DNS says of a domain.

use std::net::SocketAddr;
use std::time::Duration;

use hickory_resolver::config::{NameServerConfig, ResolverConfig, ResolverOpts};
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::net::{DnsError, NetError};
use hickory_resolver::proto::rr::{Name, RData, RecordType};
use hickory_resolver::{ResolverBuilder, TokioResolver};

const WHOLE: Duration = Duration::from_secs(10);
const EACH: Duration = Duration::from_secs(3);

/// Asks DNS.
#[derive(Debug, Clone, Copy)]
pub struct Dns {
    server: Option<SocketAddr>,
}

/// Why DNS has no answer. That there is no such record is one.
#[derive(Debug, thiserror::Error)]
pub enum NoAnswer {
    #[error("this is no name: {0}")]
    Name(String),
    #[error("DNS does not answer: {0}")]
    Silent(#[source] Box<NetError>),
    #[error("DNS does not answer in time")]
    Late,
}

impl Dns {
    /// Asks this server, or those of the system.
    #[must_use]
    pub const fn new(server: Option<SocketAddr>) -> Self {
        Self { server }
    }

    /// The TXT records (RFC 1035 section 3.3.14) of exactly this name; none if there is no such name. An alias is not
    /// followed: who runs a domain may have pointed all names below it at a host that serves many.
    ///
    /// # Errors
    /// [`NoAnswer`].
    pub async fn texts(self, name: &str) -> Result<Vec<String>, NoAnswer> {
        let mut asked = Name::from_ascii(name).map_err(|error| NoAnswer::Name(error.to_string()))?;
        // Or it would be looked for below the domain of this machine too.
        asked.set_fqdn(true);
        let silent = |error: NetError| NoAnswer::Silent(Box::new(error));
        let resolver = self.resolver().map_err(silent)?;
        let asking = tokio::time::timeout(WHOLE, resolver.lookup(asked.clone(), RecordType::TXT));
        let found = match asking.await.map_err(|_| NoAnswer::Late)? {
            Ok(found) => found,
            Err(NetError::Dns(DnsError::NoRecordsFound(_))) => return Ok(Vec::new()),
            Err(error) => return Err(silent(error)),
        };
        let own = found.answers().iter().filter(|record| record.name == asked);
        let texts = own.filter_map(|record| match &record.data {
            RData::TXT(text) => Some(String::from_utf8_lossy(&text.txt_data.concat()).into_owned()),
            _ => None,
        });
        Ok(texts.collect())
    }

    /// Made anew each time: it is asked seldom, and what it remembered would keep somebody waiting who has just
    /// written a record.
    fn resolver(self) -> Result<TokioResolver, NetError> {
        let mut builder: ResolverBuilder<TokioRuntimeProvider> = match self.server {
            None => TokioResolver::builder_tokio()?,
            Some(server) => {
                let mut it = NameServerConfig::udp_and_tcp(server.ip());
                for connection in &mut it.connections {
                    connection.port = server.port();
                }
                let config = ResolverConfig::from_name_servers(vec![it]);
                TokioResolver::builder_with_config(config, TokioRuntimeProvider::default())
            }
        };
        let options: &mut ResolverOpts = builder.options_mut();
        options.timeout = EACH;
        options.attempts = 2;
        // Somebody who would answer in another's place must guess more (draft-vixie-dnsext-dns0x20-00).
        options.case_randomization = true;
        builder.build()
    }
}
