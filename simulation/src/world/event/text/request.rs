//! Requests and answers as words of the log.

use std::fmt;

use super::super::{Answer, Ask, RequestId};

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "c{}-{}.{}", self.client, self.number, self.sending)
    }
}

impl RequestId {
    /// Reads an `x-request-id` that a client of the simulation has sent.
    #[must_use]
    pub fn read(text: &str) -> Option<Self> {
        let (client, rest) = text.strip_prefix('c')?.split_once('-')?;
        let (number, sending) = rest.split_once('.')?;
        Some(Self {
            client: client.parse().ok()?,
            number: number.parse().ok()?,
            sending: sending.parse().ok()?,
        })
    }
}

impl fmt::Display for Ask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Charge {
                key,
                load,
                lasts,
                holder,
            } => {
                write!(f, "charge {load} for {} ms", lasts.as_millis())?;
                if let Some(key) = key {
                    write!(f, ", key {key}")?;
                }
                if let Some(holder) = holder {
                    write!(f, ", holder {holder}")?;
                }
                Ok(())
            }
            Self::Look { session } => write!(f, "look at {session}"),
            Self::Unplug { session } => write!(f, "unplug {session}"),
        }
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.status)?;
        for part in [&self.code, &self.session, &self.substation]
            .into_iter()
            .flatten()
        {
            write!(f, " {part}")?;
        }
        if self.is_replay {
            f.write_str(", again")?;
        }
        if let Some(message) = &self.message {
            write!(f, " ({message})")?;
        }
        if let Some(after) = self.retry_after {
            write!(f, ", again after {after} s")?;
        }
        Ok(())
    }
}
