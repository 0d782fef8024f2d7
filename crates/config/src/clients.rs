//! `clients`: who may ask, by a token or by a certificate, and how much each may ask for.

use super::{
    Error, Fault, Faults, bounds,
    error::note,
    json_schema, tree,
    tree::Node,
    values,
    walk::{Section, walk},
};
use schemars::JsonSchema;
use serde::{Serialize, Serializer};
use std::{collections::HashSet, fmt, str::FromStr, time::Duration};
use switchyard_bounded::yaml::Places;
use thiserror::Error as ThisError;

/// The most clients: each costs a few series.
pub const MOST_CLIENTS: usize = 10_000;
/// The longest name of a certificate, in bytes.
const LONGEST_CERTIFICATE_NAME: usize = 253;
/// The most requests of a rate.
const MOST_RATE: u32 = 10_000_000;

/// One client.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields, extend("required" = ["name"]))]
pub struct Client {
    /// Its name in logs, metrics and errors.
    #[schemars(with = "json_schema::Name")]
    pub name: String,
    /// The SHA-256 of the token that it sends, in hexadecimal; of each of several while a new one takes the place of an old one.
    #[serde(skip_serializing_if = "Vec::is_empty", serialize_with = "show_tokens")]
    #[schemars(with = "json_schema::TokenHashes", default)]
    pub token_sha256: Vec<TokenHash>,
    /// The name in the certificate that it shows.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "json_schema::Text")]
    pub certificate_name: Option<String>,
    /// The most requests, as a rate; without it, there is no limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "json_schema::Rate")]
    pub rate: Option<Rate>,
    /// How many requests may come at once within that rate; without it, those of one second.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = bounds::MOST_CONNECTIONS))]
    pub burst: Option<u32>,
    /// The most load that it may have booked at once, in the unit of the load gauge; without it, there is no limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "json_schema::Positive")]
    pub load: Option<f64>,
}

impl Client {
    /// Reads and checks a list of clients; `source` is its name in messages.
    pub fn list(text: &str, source: &str) -> Result<Vec<Self>, Error> {
        let list = tree(text, source)?;
        let file = Node::Map(vec![("clients".to_owned(), list)]);
        let mut faults = Vec::new();
        let clients = walk("", &file, &mut faults, clients).unwrap_or_default();
        if faults.is_empty() {
            return Ok(clients);
        }
        Err(Error::Faults(faulty(text, source, faults)))
    }
}

/// Faults of a list of clients, which `text` is.
pub(super) fn faulty(text: &str, source: &str, faults: Vec<Fault>) -> Faults {
    let faults = Faults {
        source_name: source.to_owned(),
        faults,
    };
    faults.at(&Places::of(text).under("clients"))
}

/// The SHA-256 of a token.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct TokenHash(pub [u8; 32]);

impl fmt::Display for TokenHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for TokenHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenHash")
    }
}

impl Serialize for TokenHash {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

/// The text is not the SHA-256 of a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ThisError)]
#[error(
    "must be the SHA-256 of the token, 64 hexadecimal digits, as `printf %s TOKEN | sha256sum` prints; the token itself must \
     not stand here, and a program that has read this file may have seen it: make another one"
)]
pub struct NoHash;

impl FromStr for TokenHash {
    type Err = NoHash;

    fn from_str(text: &str) -> Result<Self, NoHash> {
        let mut hash = [0; 32];
        if text.len() != 64 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(NoHash);
        }
        for (at, byte) in hash.iter_mut().enumerate() {
            let digits = text.get(2 * at..2 * at + 2).unwrap_or_default();
            *byte = u8::from_str_radix(digits, 16).map_err(|_| NoHash)?;
        }
        Ok(Self(hash))
    }
}

/// A number of requests in a second, a minute or an hour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    requests: u32,
    per: Duration,
}

/// The units of a rate.
const UNITS: [(&str, Duration); 3] = [
    ("s", Duration::from_secs(1)),
    ("m", Duration::from_mins(1)),
    ("h", Duration::from_hours(1)),
];

impl Rate {
    /// How many requests; at least one.
    #[must_use]
    pub const fn requests(self) -> u32 {
        self.requests
    }

    /// In how long.
    #[must_use]
    pub const fn per(self) -> Duration {
        self.per
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut units = UNITS.iter();
        let unit = units.find(|(_, per)| *per == self.per);
        write!(
            f,
            "{}/{}",
            self.requests,
            unit.map_or("s", |(unit, _)| unit)
        )
    }
}

impl Serialize for Rate {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

/// The text is not a rate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ThisError)]
#[error(
    "must be a number of requests in a second, minute or hour, as in 10/s, 30/m or 1000/h; the most is {MOST_RATE}"
)]
pub struct NoRate;

impl FromStr for Rate {
    type Err = NoRate;

    fn from_str(text: &str) -> Result<Self, NoRate> {
        let (requests, unit) = text.split_once('/').ok_or(NoRate)?;
        let mut units = UNITS.iter();
        let (_, per) = units.find(|(name, _)| *name == unit).ok_or(NoRate)?;
        let is_plain = requests.bytes().all(|byte| byte.is_ascii_digit());
        let requests = requests.parse().map_err(|_| NoRate)?;
        if !is_plain || !(1..=MOST_RATE).contains(&requests) {
            return Err(NoRate);
        }
        Ok(Self {
            requests,
            per: *per,
        })
    }
}

/// The clients of the file: names, tokens and names of certificates are unique.
pub(super) fn clients(file: &mut Section<'_>) -> Vec<Client> {
    const EXAMPLE: &str = "clients: [{name: fleet7, token_sha256: 9f86d0…}]";
    let nodes = file.optional("clients", |node| match node {
        Node::List(items) if items.is_empty() => Ok(Vec::new()),
        other => values::list(other, EXAMPLE, MOST_CLIENTS),
    });
    let (mut names, mut tokens, mut certificates) = (Vec::new(), Vec::new(), Vec::new());
    file.each("clients", &nodes.unwrap_or_default(), |s, path| {
        let name = s.required("name", "name: fleet7", |node| {
            claim(&mut names, values::name(node)?, path, "name")
        });
        // What stands there by mistake may be the token itself.
        let token_sha256 = s.secret("token_sha256", |node| {
            let hashes = token_hashes(node)?;
            let hashes = hashes
                .into_iter()
                .map(|hash| claim(&mut tokens, hash, path, "token_sha256"));
            hashes.collect::<Result<Vec<_>, _>>()
        });
        let certificate_name = s.optional("certificate_name", |node| {
            claim(
                &mut certificates,
                certificate_name(node)?,
                path,
                "certificate_name",
            )
        });
        let identities = ["token_sha256", "certificate_name"].map(|key| s.has(key));
        if identities != [true, false] && identities != [false, true] {
            let rule = if identities == [false; 2] {
                "is missing, and certificate_name too: write one, by which the client is known"
            } else {
                "stands beside certificate_name: write one of them, or two clients"
            };
            s.fault("token_sha256", String::new(), rule);
        }
        let rate = s.optional("rate", rate);
        let burst = s.optional("burst", values::whole(1..=1_000_000));
        if burst.is_some() && !s.has("rate") {
            s.fault(
                "burst",
                String::new(),
                "is for a rate: write one, or remove it",
            );
        }
        let load = s.optional("load", values::load);
        Some(Client {
            name: name?,
            token_sha256: token_sha256.unwrap_or_default(),
            certificate_name,
            rate,
            burst,
            load,
        })
    })
}

/// One hash, or a list of them.
fn token_hashes(node: &Node) -> Result<Vec<TokenHash>, String> {
    const EXAMPLE: &str = "token_sha256: [9f86d0…, 2c26b4…]";
    if !matches!(node, Node::List(_)) {
        return token_hash(node).map(|one| vec![one]);
    }
    let items = values::list(node, EXAMPLE, bounds::MOST_TOKENS)?;
    items.iter().map(token_hash).collect()
}

/// No message repeats what stands there.
fn token_hash(node: &Node) -> Result<TokenHash, String> {
    let text = values::text(node).map_err(|_| NoHash.to_string())?;
    text.parse().map_err(|_: NoHash| NoHash.to_string())
}

/// A rate as it is written.
pub(super) fn rate(node: &Node) -> Result<Rate, String> {
    let text = values::text(node).map_err(|_| NoRate.to_string())?;
    text.parse().map_err(|_: NoRate| NoRate.to_string())
}

/// One hash stands for itself.
fn show_tokens<S: Serializer>(all: &[TokenHash], to: S) -> Result<S::Ok, S::Error> {
    match all {
        [one] => one.serialize(to),
        all => all.serialize(to),
    }
}

/// The fault of a list without a client. Without `clients` everybody may ask, and a list that was emptied by mistake must
/// not open the port.
pub(super) fn none() -> Fault {
    Fault {
        path: "clients".to_owned(),
        value: "[]".to_owned(),
        rule: "has no client, so that nobody could ask: list one, or remove the key, and everybody may ask".to_owned(),
        line: None,
    }
}

/// Notes clients that could never show their certificate.
pub(super) fn check_certificates(clients: &[Client], has_client_ca: bool, faults: &mut Vec<Fault>) {
    if has_client_ca {
        return;
    }
    for (at, client) in clients.iter().enumerate() {
        if let Some(name) = &client.certificate_name {
            note(faults, || {
                Fault {
                path: format!("clients[{at}].certificate_name"),
                value: format!("{name:?}"),
                rule: "needs tls.client_ca, the authorities whose certificates clients may show: write it, or give the \
                       client a token_sha256"
                    .to_owned(),
                line: None,
            }
            });
        }
    }
}

/// Notes clients of the file that have what a client of the configuration has.
pub(super) fn check_unlike(of_config: &[Client], of_file: &[Client], faults: &mut Vec<Fault>) {
    let mut names = HashSet::new();
    let mut tokens = HashSet::new();
    let mut certificates = HashSet::new();
    for client in of_config {
        names.insert(&client.name);
        tokens.extend(client.token_sha256.iter().map(|hash| hash.0));
        certificates.extend(&client.certificate_name);
    }
    for (at, client) in of_file.iter().enumerate() {
        let hashes = &client.token_sha256;
        let certificate = client.certificate_name.as_ref();
        let taken = [
            ("name", names.contains(&client.name)),
            (
                "token_sha256",
                hashes.iter().any(|hash| tokens.contains(&hash.0)),
            ),
            (
                "certificate_name",
                certificate.is_some_and(|name| certificates.contains(name)),
            ),
        ];
        for (key, _) in taken.into_iter().filter(|(_, is_taken)| *is_taken) {
            note(faults, || Fault {
                path: format!("clients[{at}].{key}"),
                value: String::new(),
                rule: "is that of a client in the configuration already: each client needs its own"
                    .to_owned(),
                line: None,
            });
        }
    }
}

/// Notes a value that only one client can have.
fn claim<T: PartialEq + Clone>(
    taken: &mut Vec<(T, String)>,
    value: T,
    path: &str,
    key: &str,
) -> Result<T, String> {
    if let Some((_, owner)) = taken.iter().find(|(other, _)| *other == value) {
        return Err(format!("is {owner} already: each client needs its own"));
    }
    taken.push((value.clone(), format!("{path}.{key}")));
    Ok(value)
}

/// A name that a certificate can have: of a host, an address, a URI, or what its subject says.
fn certificate_name(node: &Node) -> Result<String, String> {
    let name = values::text(node)?;
    let is_fit = (1..=LONGEST_CERTIFICATE_NAME).contains(&name.len());
    if is_fit && !name.chars().any(char::is_control) {
        return Ok(name.to_owned());
    }
    Err(format!(
        "must be 1 to {LONGEST_CERTIFICATE_NAME} characters, the common name of the certificate's subject or one of its \
         alternative names"
    ))
}
