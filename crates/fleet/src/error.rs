//! Why the store gave no answer, or none that counts.

use std::sync::Arc;

use enum_map::Enum;
use redis::{RedisError, ServerErrorKind};
use strum::{IntoStaticStr, VariantArray};
use switchyard_bounded::Shown;

use crate::credentials::Credentials;

/// What went wrong, as the metric's label says it.
#[derive(Clone, Copy, Debug, Enum, Eq, IntoStaticStr, PartialEq, VariantArray)]
#[strum(serialize_all = "snake_case")]
pub enum ErrorKind {
    /// There is no connection: nothing listens, the name has no address, TLS failed.
    Unreachable,
    /// No answer within `fleet.timeout`.
    Timeout,
    /// The connection broke before the answer, twice.
    Lost,
    /// The password, the user or the file of the password is not accepted.
    Denied,
    /// The user may not do this.
    NotPermitted,
    /// It is a replica that takes no writes.
    ReadOnly,
    /// It is out of memory and may not evict.
    Full,
    /// It reads its data, or waits for its primary.
    Loading,
    /// It has no scripts, or another command is missing.
    Unsupported,
    /// It is one node of a cluster, and another node has the key.
    Moved,
    /// It answered what can be no answer to this call.
    Garbled,
    /// Any other error of the store.
    Refused,
}

/// The store did not do what was asked, or nobody knows whether it did.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("the store at {store} {what}{}", advice(*kind))]
pub struct StoreError {
    /// What went wrong.
    pub kind: ErrorKind,
    store: Arc<str>,
    what: String,
}

impl StoreError {
    pub(crate) fn new(kind: ErrorKind, store: &Arc<str>, what: impl Into<String>) -> Self {
        Self {
            kind,
            store: Arc::clone(store),
            what: what.into(),
        }
    }

    /// Of an error that the library reports. A password is never shown, whatever the store repeats.
    pub(crate) fn of(
        error: &RedisError,
        store: &Arc<str>,
        credentials: Option<&Credentials>,
    ) -> Self {
        let kind = kind_of(error);
        let mut said = match kind {
            ErrorKind::Lost => format!("closed the connection: {error}"),
            ErrorKind::Garbled => format!("sent what is no answer: {error}"),
            _ => match (error.code(), error.detail()) {
                (Some(code), Some(detail)) => format!("says {code} {detail}"),
                _ => format!("refuses ({error})"),
            },
        };
        if let Some(credentials) = credentials {
            said = said.replace(&*credentials.password, "***");
        }
        Self::new(kind, store, Shown::value(said).to_string())
    }

    /// Whether the answer may exist, but can't be had on this connection.
    pub(crate) const fn is_lost(&self) -> bool {
        matches!(self.kind, ErrorKind::Lost | ErrorKind::Garbled)
    }

    /// Whether the connection is of no use any more.
    pub(crate) const fn ends_connection(&self) -> bool {
        use ErrorKind::{Denied, Garbled, Loading, Lost, ReadOnly, Unreachable};
        matches!(
            self.kind,
            Denied | Garbled | Loading | Lost | ReadOnly | Unreachable
        )
    }
}

fn kind_of(error: &RedisError) -> ErrorKind {
    use redis::ErrorKind as Library;
    match error.kind() {
        Library::AuthenticationFailed => ErrorKind::Denied,
        Library::Parse | Library::UnexpectedReturnType => ErrorKind::Garbled,
        Library::Io => ErrorKind::Lost,
        Library::Server(kind) => match kind {
            ServerErrorKind::NoPerm => ErrorKind::NotPermitted,
            _ if error.detail().is_some_and(is_of_password) => ErrorKind::Denied,
            ServerErrorKind::ReadOnly => ErrorKind::ReadOnly,
            ServerErrorKind::BusyLoading | ServerErrorKind::MasterDown => ErrorKind::Loading,
            ServerErrorKind::Moved
            | ServerErrorKind::Ask
            | ServerErrorKind::CrossSlot
            | ServerErrorKind::ClusterDown
            | ServerErrorKind::TryAgain => ErrorKind::Moved,
            _ if error.detail().is_some_and(is_unknown_command) => ErrorKind::Unsupported,
            _ => ErrorKind::Refused,
        },
        Library::Extension => match error.code() {
            Some("NOAUTH" | "WRONGPASS" | "DENIED") => ErrorKind::Denied,
            Some("OOM") => ErrorKind::Full,
            _ => ErrorKind::Refused,
        },
        _ => ErrorKind::Refused,
    }
}

fn is_unknown_command(detail: &str) -> bool {
    detail.starts_with("unknown command") || detail.contains("Unknown Redis command")
}

/// A password where the store has none, in words that changed with its versions.
fn is_of_password(detail: &str) -> bool {
    detail.contains("AUTH") && detail.contains("password")
}

const fn advice(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::Unreachable => ": check that it runs, and fleet.store",
        ErrorKind::Timeout => ": see how busy it is, or raise fleet.timeout",
        ErrorKind::Denied => ": check fleet.password_file",
        ErrorKind::NotPermitted => {
            ": give the user the commands and keys that docs/operations/fleet.md lists"
        }
        ErrorKind::ReadOnly => ": fleet.store must lead to the primary",
        ErrorKind::Full => ": raise its maxmemory",
        ErrorKind::Loading => ": it answers again by itself",
        ErrorKind::Unsupported => ": it must be Redis 7 or Valkey with scripts enabled",
        ErrorKind::Moved => ": a cluster is not supported; name a store without one",
        ErrorKind::Garbled => ": check that fleet.store leads to a store, not to something else",
        ErrorKind::Lost | ErrorKind::Refused => ": see the store's own log",
    }
}
