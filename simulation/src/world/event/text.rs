//! Events as lines of the log.

use std::fmt;

use super::{Answer, Ask, Event, RequestId, What};

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (seconds, micros) = (self.at.as_secs(), self.at.subsec_micros());
        write!(f, "{seconds:4}.{micros:06} {}", self.what)
    }
}

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

/// A request that may not have an id that can be read.
struct From<'a>(&'a Option<RequestId>);

impl fmt::Display for From<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(request) => request.fmt(f),
            None => f.write_str("an unknown request"),
        }
    }
}

impl fmt::Display for What {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Started {
                proxy,
                process,
                is_upgrade,
            } => {
                let how = if *is_upgrade { "takes over" } else { "starts" };
                write!(f, "p{proxy}/{process} {how}")
            }
            Self::Ready { proxy, process } => write!(f, "p{proxy}/{process} is ready"),
            Self::Replaced { proxy, process } => write!(f, "p{proxy}/{process} has handed over"),
            Self::ToldToStop { proxy, process } => write!(f, "p{proxy}/{process} is told to stop"),
            Self::Ended {
                proxy,
                process,
                how,
            } => write!(f, "p{proxy}/{process} ended: {how:?}"),
            Self::FaultBegan { id, fault } => write!(f, "fault{id} begins: {fault}"),
            Self::FaultEnded { id, fault } => write!(f, "fault{id} ends: {fault}"),
            Self::Asked {
                request,
                proxy,
                ask,
            } => write!(f, "{request} to p{proxy}: {ask}"),
            Self::Sent { request } => write!(f, "{request} is sent"),
            Self::Answered { request, answer } => write!(f, "{request} {answer}"),
            Self::Lost { request, how } => write!(f, "{request} has no answer: {how:?}"),
            Self::Left { request } => write!(f, "{request} is left alone"),
            Self::Booked {
                substation,
                booking,
            } => {
                let from = From(&booking.request);
                write!(
                    f,
                    "s{substation} books {} for {from}: {}",
                    booking.session, booking.load
                )?;
                if let Some(key) = &booking.key {
                    write!(f, ", key {key}")?;
                }
                write!(f, "; {} in all", booking.total)
            }
            Self::Repeated {
                substation,
                session,
                request,
                key,
            } => {
                write!(
                    f,
                    "s{substation} repeats {session} for {}, key {key}",
                    From(request)
                )
            }
            Self::Refused {
                substation,
                request,
                status,
            } => {
                write!(f, "s{substation} refuses {} with {status}", From(request))
            }
            Self::Released {
                substation,
                session,
                load,
                why,
            } => {
                write!(f, "s{substation} releases {session}, {load}: {why:?}")
            }
            Self::SubstationDown { substation } => write!(f, "s{substation} is down"),
            Self::SubstationUp { substation } => write!(f, "s{substation} is up"),
            Self::StoreLost { since } => {
                write!(
                    f,
                    "the store has lost what was written since {} ms",
                    since.as_millis()
                )
            }
            Self::DrainAnswered {
                proxy,
                substation,
                drain,
                status,
            } => {
                let what = if *drain { "drain" } else { "undrain" };
                write!(f, "p{proxy} answers {what} of s{substation}: {status:?}")
            }
            Self::Probed {
                proxy,
                process,
                checkpoint,
                probe,
            } => {
                write!(f, "p{proxy}/{process} at {checkpoint:?}: ")?;
                match probe {
                    Some(probe) => write!(
                        f,
                        "{} descriptors, {} threads",
                        probe.descriptors, probe.threads
                    ),
                    None => f.write_str("no answer"),
                }
            }
            Self::Reached(checkpoint) => write!(f, "checkpoint {checkpoint:?}"),
        }
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
