//! A client that sends charges with keys, and survives proxies that die.

use std::{
    collections::HashMap,
    io::Write,
    net::{SocketAddr, TcpStream},
};

use switchyard_faults::{self as faults, Answer, Connection};

/// The header that names, on an answer, which substation may hold the booking.
const POSSIBLE_HOLDER: &str = "x-possible-holder";

/// Keeps a connection to each proxy.
#[derive(Default)]
pub(super) struct Client {
    kept: HashMap<SocketAddr, Connection>,
}

/// One charge.
#[derive(Clone, Debug)]
pub(super) struct Charge {
    pub(super) key: String,
    /// What the last answer said of the possible holder; sent back with a repetition.
    pub(super) holder: Option<String>,
}

impl Charge {
    pub(super) fn new(key: String) -> Self {
        Self { key, holder: None }
    }

    /// The session, if this answer is a booking. Keeps what the answer says of the possible holder.
    pub(super) fn settle(&mut self, answer: Option<&Answer>) -> Option<String> {
        let answer = answer?;
        if let Some(holder) = answer.header(POSSIBLE_HOLDER) {
            self.holder = Some(holder.to_owned());
        }
        (answer.status == 200).then(|| answer.json()["session_id"].as_str().unwrap().to_owned())
    }
}

impl Client {
    /// Sends the charge over a connection of its own, and leaves before an answer.
    pub(super) fn leave(to: SocketAddr, charge: &Charge) {
        if let Ok(mut stream) = TcpStream::connect(to) {
            let _ = stream.write_all(request(charge, "").as_bytes());
        }
    }

    /// Sends the charge with an id that begins with `fate`. No answer: the connection could not be made or was lost.
    pub(super) fn send(&mut self, to: SocketAddr, charge: &Charge, fate: &str) -> Option<Answer> {
        let mut connection = match self.kept.remove(&to) {
            Some(kept) => kept,
            None => Connection::over(TcpStream::connect(to).ok()?),
        };
        connection
            .0
            .write_all(request(charge, fate).as_bytes())
            .ok()?;
        let answer = connection.any_answer()?;
        if answer.header("connection") != Some("close") {
            self.kept.insert(to, connection);
        }
        Some(answer)
    }
}

fn request(charge: &Charge, fate: &str) -> String {
    let key = &charge.key;
    let holder = charge
        .holder
        .as_ref()
        .map(|holder| format!("{POSSIBLE_HOLDER}: {holder}\r\n"))
        .unwrap_or_default();
    let headers = format!("x-request-id: {fate}{key}\r\nidempotency-key: {key}\r\n{holder}");
    let body = r#"{"power_kw": 1, "energy_kwh": 100}"#;
    faults::request("POST", "/request_charge", &headers, body)
}
