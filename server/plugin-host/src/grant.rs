//! What an administrator grants, and what is left of it: asked for *and* granted.

use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;
use std::str::FromStr;

use plugin_sdk::manifest::{HostAsked, Limits, Manifest, is_origin};
use serde::{Deserialize, Serialize};

use crate::SecretValue;

/// Methods of a host that names none.
const USUAL_METHODS: [&str; 2] = ["GET", "POST"];

/// What one installation of a plugin may do and how it is set. Everything here is in effect: the
/// server made it with [`effective`] and filled in secrets and state.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Installation {
    /// Names the installation in logs; told to the guest.
    pub id: String,
    /// Settings as JSON; empty means `{}`.
    pub settings: String,
    /// The granted folder; `None`: every file operation is denied.
    pub files: Option<FileGrant>,
    /// Origins that it may reach.
    pub hosts: Vec<HostGrant>,
    /// Secrets that are filled in, by name.
    pub secrets: BTreeMap<String, SecretValue>,
    /// Names that are granted, filled in or not: the difference between "denied" and "not set".
    pub granted_secrets: Vec<String>,
    /// The granted mailbox.
    pub imap: Option<ImapGrant>,
    /// Its state as committed, without what has expired.
    pub state: BTreeMap<String, Vec<u8>>,
    /// The operator's limits; the smaller of these, the manifest's and the host's count.
    pub limits: Limits,
}

/// What an administrator decided for an installation; the body of `PUT /plugins/{id}/grant`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Grant {
    /// Origins that it may reach.
    #[serde(default)]
    pub hosts: Vec<HostGrant>,
    /// Names of secrets that it may use.
    #[serde(default)]
    pub secrets: Vec<String>,
    /// A folder.
    #[serde(default)]
    pub files: Option<FileGrant>,
    /// Whether it may read the mailbox of the installation.
    #[serde(default)]
    pub imap: bool,
    /// Lower limits than the manifest asks for.
    #[serde(default)]
    pub limits: Limits,
}

/// An origin that may be reached.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HostGrant {
    /// `https://host` or `https://host:port`; `http://…` only together with `networks`.
    pub origin: String,
    /// Methods of HTTP in capitals; empty: all that the manifest asks for.
    #[serde(default)]
    pub methods: Vec<String>,
    /// Empty: public addresses only. Otherwise the only addresses that it may lead to, as
    /// `10.1.0.0/16` or `fd00::/8`.
    #[serde(default)]
    pub networks: Vec<String>,
}

/// One folder for files.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileGrant {
    /// Folder below which the guest may work; made when it is missing.
    pub root: PathBuf,
    /// Largest file in bytes.
    #[serde(default = "usual_file_bytes")]
    pub max_file_bytes: u64,
}

const fn usual_file_bytes() -> u64 {
    4 << 20
}

impl FileGrant {
    /// A grant with the usual limit of 4 MiB a file.
    #[must_use]
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self {
            root: root.into(),
            max_file_bytes: usual_file_bytes(),
        }
    }
}

/// How the connection to a mailbox is protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ImapTls {
    /// TLS from the first byte (port 993).
    Implicit,
    /// `STARTTLS` before the log-in (port 143).
    StartTls,
    /// In the clear: only with named networks.
    None,
}

/// One mailbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImapGrant {
    /// Name or address of the server.
    pub server: String,
    /// Usually 993.
    pub port: u16,
    /// How the connection is protected.
    pub tls: ImapTls,
    /// Log-in.
    pub user: String,
    /// Log-in.
    pub password: SecretValue,
    /// Folders that may be read.
    pub folders: Vec<String>,
    /// As [`HostGrant::networks`].
    pub networks: Vec<String>,
}

/// Addresses that share their first bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    bits: u8,
}

impl FromStr for Network {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("{text:?} is no network like 10.1.0.0/16");
        let (address, bits) = text
            .split_once('/')
            .map_or((text, None), |(a, b)| (a, Some(b)));
        let address: IpAddr = address.parse().map_err(|_| wrong())?;
        let most = if address.is_ipv4() { 32 } else { 128 };
        let bits = match bits {
            None => most,
            Some(b) if !b.is_empty() && b.bytes().all(|c| c.is_ascii_digit()) => {
                b.parse().map_err(|_| wrong())?
            }
            Some(_) => return Err(wrong()),
        };
        if bits > most {
            return Err(wrong());
        }
        Ok(Self { address, bits })
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.bits)
    }
}

impl Network {
    /// Whether an address lies inside. An IPv4 address written as IPv6 counts as IPv4.
    #[must_use]
    pub fn contains(&self, ip: IpAddr) -> bool {
        match (self.address, ip.to_canonical()) {
            (IpAddr::V4(net), IpAddr::V4(ip)) => {
                let mask = u32::MAX.checked_shl(32 - u32::from(self.bits)).unwrap_or(0);
                net.to_bits() & mask == ip.to_bits() & mask
            }
            (IpAddr::V6(net), IpAddr::V6(ip)) => {
                let mask = u128::MAX
                    .checked_shl(128 - u32::from(self.bits))
                    .unwrap_or(0);
                net.to_bits() & mask == ip.to_bits() & mask
            }
            _ => false,
        }
    }
}

/// What is in effect of a grant.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Effective {
    /// For [`Installation::hosts`]; every entry names its methods.
    pub hosts: Vec<HostGrant>,
    /// Secrets that may be used, with the origins for [`SecretValue::new`].
    pub secrets: BTreeMap<String, Vec<String>>,
    /// For [`Installation::files`].
    pub files: Option<FileGrant>,
    /// Whether [`Installation::imap`] may be filled in.
    pub imap: bool,
    /// For [`Installation::limits`].
    pub limits: Limits,
}

/// Asked for *and* granted. What a grant gives beyond the manifest has no effect, so an older grant
/// never widens what a newer version asks for, nor the other way round.
#[must_use]
pub fn effective(manifest: &Manifest, grant: &Grant) -> Effective {
    let asks = &manifest.asks;
    let mut hosts = Vec::new();
    for granted in &grant.hosts {
        let mut methods = asked_methods(manifest, &granted.origin);
        if !granted.methods.is_empty() {
            methods.retain(|method| granted.methods.contains(method));
        }
        if !methods.is_empty() {
            hosts.push(HostGrant {
                origin: granted.origin.clone(),
                methods,
                networks: granted.networks.clone(),
            });
        }
    }
    let secrets = asks
        .secrets
        .iter()
        .filter(|asked| grant.secrets.contains(&asked.name))
        .map(|asked| {
            let everywhere = asked.hosts.is_empty() || asked.hosts.iter().any(|h| h == "*");
            let origins = hosts
                .iter()
                .map(|h| h.origin.clone())
                .filter(|origin| everywhere || asked.hosts.contains(origin))
                .collect();
            (asked.name.clone(), origins)
        })
        .collect();
    Effective {
        hosts,
        secrets,
        files: asks.files.as_ref().and(grant.files.clone()),
        imap: asks.imap.is_some() && grant.imap,
        limits: lower(&manifest.limits, &grant.limits),
    }
}

/// Methods of HTTP that a manifest asks for at an origin; none: it does not ask for the origin.
#[must_use]
pub fn asked_methods(manifest: &Manifest, origin: &str) -> Vec<String> {
    let mut methods: Vec<String> = Vec::new();
    let of_origin = |asked: &&HostAsked| asked.origin == origin || asked.origin == "*";
    for asked in manifest.asks.hosts.iter().filter(of_origin) {
        let usual = USUAL_METHODS.iter().map(|m| (*m).to_owned());
        let named = asked.methods.iter().cloned();
        let wanted: Vec<String> = if asked.methods.is_empty() {
            usual.collect()
        } else {
            named.collect()
        };
        for method in wanted {
            if !methods.contains(&method) {
                methods.push(method);
            }
        }
    }
    methods
}

fn lower(a: &Limits, b: &Limits) -> Limits {
    let min = |a: Option<u32>, b: Option<u32>| match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (one, other) => one.or(other),
    };
    Limits {
        memory_mb: min(a.memory_mb, b.memory_mb),
        cpu_ms: min(a.cpu_ms, b.cpu_ms),
        wall_ms: min(a.wall_ms, b.wall_ms),
        http_calls: min(a.http_calls, b.http_calls),
        http_parallel: min(a.http_parallel, b.http_parallel),
    }
}

/// What is wrong with a grant before it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GrantFault {
    /// Place in the JSON: `hosts[0].origin`.
    pub field: String,
    /// In words.
    pub detail: String,
}

impl Grant {
    /// Checks what [`effective`] and the egress rules would otherwise silently leave out.
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub fn validate(&self, manifest: &Manifest) -> Result<(), GrantFault> {
        let fault = |field: String, detail: String| Err(GrantFault { field, detail });
        let asks = &manifest.asks;
        for (i, host) in self.hosts.iter().enumerate() {
            if !is_origin(&host.origin) {
                return fault(
                    format!("hosts[{i}].origin"),
                    format!("{:?} is not like https://api.example.com", host.origin),
                );
            }
            if !asks
                .hosts
                .iter()
                .any(|a| a.origin == host.origin || a.origin == "*")
            {
                return fault(
                    format!("hosts[{i}].origin"),
                    format!("the plugin does not ask for {}", host.origin),
                );
            }
            if host.origin.starts_with("http://") && host.networks.is_empty() {
                return fault(
                    format!("hosts[{i}].networks"),
                    "plain http needs the networks that the server stands in".to_owned(),
                );
            }
            for (n, network) in host.networks.iter().enumerate() {
                if let Err(detail) = network.parse::<Network>() {
                    return fault(format!("hosts[{i}].networks[{n}]"), detail);
                }
            }
            if self.hosts[..i].iter().any(|h| h.origin == host.origin) {
                return fault(
                    format!("hosts[{i}].origin"),
                    format!("{} stands twice", host.origin),
                );
            }
            let asked = asked_methods(manifest, &host.origin);
            if let Some(n) = host.methods.iter().position(|m| !asked.contains(m)) {
                return fault(
                    format!("hosts[{i}].methods[{n}]"),
                    format!("the plugin does not ask for {:?} there", host.methods[n]),
                );
            }
        }
        if let Some(i) = self.secrets.iter().position(|s| asks.secret(s).is_none()) {
            return fault(
                format!("secrets[{i}]"),
                format!(
                    "the plugin does not ask for the secret {:?}",
                    self.secrets[i]
                ),
            );
        }
        if self.files.is_some() && asks.files.is_none() {
            return fault(
                "files".to_owned(),
                "the plugin does not ask for files".to_owned(),
            );
        }
        if self.imap && asks.imap.is_none() {
            return fault(
                "imap".to_owned(),
                "the plugin does not ask for a mailbox".to_owned(),
            );
        }
        let (asked, granted) = (manifest.limits.named(), self.limits.named());
        for ((name, granted), (_, asked)) in granted.into_iter().zip(asked) {
            let field = format!("limits.{name}");
            match (granted, asked) {
                (Some(0), _) => return fault(field, "0 would let no call end well".to_owned()),
                (Some(granted), Some(asked)) if granted > asked => {
                    return fault(field, format!("the plugin asks for no more than {asked}"));
                }
                _ => {}
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manifest(asks: &str) -> Manifest {
        let json = format!(
            r#"{{"name":"a","version":"1.0.0","role":"connector","title":{{"zh":"甲","en":"A"}},"asks":{asks},"limits":{{"http-calls":7}}}}"#
        );
        Manifest::from_json(json.as_bytes()).unwrap()
    }

    fn host(origin: &str, methods: &[&str]) -> HostGrant {
        HostGrant {
            origin: origin.to_owned(),
            methods: methods.iter().map(|m| (*m).to_owned()).collect(),
            networks: vec![],
        }
    }

    const T: &str = r#"{"zh":"甲","en":"A"}"#;

    #[test]
    fn power_is_what_is_asked_for_and_granted() {
        let manifest = manifest(&format!(
            r#"{{"hosts":[{{"origin":"https://a.b","methods":["GET","PUT"],"purpose":{T}}},{{"origin":"https://c.d","purpose":{T}}}],
               "secrets":[{{"name":"k","title":{T},"hosts":["https://a.b"]}},{{"name":"all","title":{T}}}]}}"#
        ));
        let none = effective(&manifest, &Grant::default());
        assert_eq!(
            none,
            Effective {
                limits: manifest.limits,
                ..Effective::default()
            }
        );
        let grant = Grant {
            hosts: vec![
                host("https://a.b", &["GET", "DELETE"]),
                host("https://c.d", &[]),
                host("https://evil.example", &[]),
            ],
            secrets: vec!["k".to_owned(), "all".to_owned(), "other".to_owned()],
            files: Some(FileGrant::new("/tmp")),
            imap: true,
            limits: Limits {
                http_calls: Some(3),
                cpu_ms: Some(10),
                ..Limits::default()
            },
        };
        let got = effective(&manifest, &grant);
        assert_eq!(
            got.hosts,
            vec![
                host("https://a.b", &["GET"]),
                host("https://c.d", &["GET", "POST"])
            ]
        );
        assert_eq!(got.secrets["k"], ["https://a.b"]);
        assert_eq!(got.secrets["all"], ["https://a.b", "https://c.d"]);
        assert_eq!(got.secrets.len(), 2);
        assert!(got.files.is_none() && !got.imap);
        assert_eq!(
            (got.limits.http_calls, got.limits.cpu_ms),
            (Some(3), Some(10))
        );
        for (broken, field) in [
            (
                Grant {
                    hosts: vec![host("https://evil.example", &[])],
                    ..Grant::default()
                },
                "hosts[0].origin",
            ),
            (
                Grant {
                    hosts: vec![host("https://a.b", &["GET", "DELETE"])],
                    ..Grant::default()
                },
                "hosts[0].methods[1]",
            ),
            (
                Grant {
                    secrets: vec!["other".to_owned()],
                    ..Grant::default()
                },
                "secrets[0]",
            ),
            (
                Grant {
                    imap: true,
                    ..Grant::default()
                },
                "imap",
            ),
            (
                Grant {
                    limits: Limits {
                        http_calls: Some(8),
                        ..Limits::default()
                    },
                    ..Grant::default()
                },
                "limits.http_calls",
            ),
            (
                Grant {
                    limits: Limits {
                        memory_mb: Some(0),
                        ..Limits::default()
                    },
                    ..Grant::default()
                },
                "limits.memory_mb",
            ),
        ] {
            assert_eq!(broken.validate(&manifest).unwrap_err().field, field);
        }
        assert_eq!(
            Grant {
                hosts: vec![host("https://a.b", &["GET"])],
                ..Grant::default()
            }
            .validate(&manifest),
            Ok(())
        );
    }

    #[test]
    fn a_star_lets_the_administrator_name_the_origins() {
        let manifest = manifest(&format!(
            r#"{{"hosts":[{{"origin":"*","purpose":{T}}}],"secrets":[{{"name":"k","title":{T},"hosts":["*"]}}]}}"#
        ));
        let mut plain = host("http://wiki.intranet", &[]);
        let grant = |h: &HostGrant| Grant {
            hosts: vec![h.clone()],
            secrets: vec!["k".to_owned()],
            ..Grant::default()
        };
        assert_eq!(
            grant(&plain).validate(&manifest).unwrap_err().field,
            "hosts[0].networks"
        );
        plain.networks = vec!["10.0.0.0/33".to_owned()];
        assert_eq!(
            grant(&plain).validate(&manifest).unwrap_err().field,
            "hosts[0].networks[0]"
        );
        plain.networks = vec!["10.0.0.0/8".to_owned()];
        assert_eq!(grant(&plain).validate(&manifest), Ok(()));
        assert_eq!(
            effective(&manifest, &grant(&plain)).secrets["k"],
            ["http://wiki.intranet"]
        );
    }

    #[test]
    fn networks_hold_their_addresses() {
        let holds = |net: &str, ip: &str| {
            net.parse::<Network>()
                .unwrap()
                .contains(ip.parse().unwrap())
        };
        assert!(holds("10.1.0.0/16", "10.1.255.255") && !holds("10.1.0.0/16", "10.2.0.0"));
        assert!(holds("0.0.0.0/0", "8.8.8.8") && !holds("0.0.0.0/0", "::1"));
        assert!(holds("10.0.0.0/8", "::ffff:10.9.9.9"));
        assert!(holds("fd00::/8", "fd12::1") && !holds("fd00::/8", "fe80::1"));
        assert!(holds("192.0.2.7", "192.0.2.7") && !holds("192.0.2.7", "192.0.2.8"));
        for bad in [
            "",
            "10.0.0.0/",
            "10.0.0.0/33",
            "10.0.0.0/+8",
            "10.0.0/8",
            "x/8",
            "::/129",
        ] {
            assert!(bad.parse::<Network>().is_err(), "{bad}");
        }
    }
}
