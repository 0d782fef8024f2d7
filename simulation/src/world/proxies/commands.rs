//! What an operator asks a proxy and tells it, at the admin port.

use super::{
    super::{event::Probe, operator::Operator},
    Proxy,
};

impl Proxy {
    /// Whether the process at the admin port says that it is ready.
    pub(in crate::world) async fn is_ready(&self) -> bool {
        let ready = Operator.ask(self.admin(), "GET", "/ready", "").await;
        ready.is_some_and(|(status, _)| status == 200)
    }

    /// What it says of itself now, and which process says so.
    pub(in crate::world) async fn probe(&self) -> Option<(usize, Option<Box<Probe>>)> {
        // The newest that serves; while it takes over, the one before answers in its place.
        let serving = self
            .processes()
            .iter()
            .rposition(|process| !process.has_ended())?;
        let usage = self.processes().get(serving)?.usage();
        let operator = Operator;
        let status = operator.ask(self.admin(), "GET", "/status", "").await;
        let metrics = operator.ask(self.admin(), "GET", "/metrics", "").await;
        let (Some((200, status)), Some((200, metrics))) = (status, metrics) else {
            return Some((serving, None));
        };
        let probe = Probe {
            status: serde_json::from_slice(&status).unwrap_or_default(),
            metrics: String::from_utf8_lossy(&metrics).into_owned(),
            descriptors: usage.descriptors,
            threads: usage.threads,
            memory: usage.memory,
        };
        Some((serving, Some(Box::new(probe))))
    }

    /// Tells it to drain a substation or to undrain it. The status of its answer.
    pub(in crate::world) async fn drain(&self, substation: &str, drains: bool) -> Option<u16> {
        let command = if drains { "drain" } else { "undrain" };
        let path = format!("/substations/{substation}/{command}");
        let answer = Operator.ask(self.admin(), "POST", &path, "").await;
        answer.map(|(status, _)| status)
    }

    /// Tells it a limit, or that it is over. The status of its answer.
    pub(in crate::world) async fn limit(&self, name: &str, value: Option<f64>) -> Option<u16> {
        let path = format!("/limits/{name}");
        let answer = match value {
            Some(value) => {
                let body = format!("{{\"value\": {value}, \"source\": \"world\"}}");
                Operator.ask(self.admin(), "PUT", &path, &body).await
            }
            None => {
                Operator
                    .ask(self.admin(), "DELETE", &format!("{path}?source=world"), "")
                    .await
            }
        };
        answer.map(|(status, _)| status)
    }
}
