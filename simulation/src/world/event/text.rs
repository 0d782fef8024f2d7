//! Events as lines of the log.

mod probe;
mod request;

use std::fmt;

use super::{Event, RequestId, What};

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (seconds, micros) = (self.at.as_secs(), self.at.subsec_micros());
        write!(f, "{seconds:4}.{micros:06} {}", self.what)
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
    #[expect(clippy::too_many_lines, reason = "a line for each event")]
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
            Self::LimitAnswered {
                proxy,
                name,
                value,
                status,
            } => match value {
                Some(value) => write!(
                    f,
                    "p{proxy} answers the limit {value} of {name}: {status:?}"
                ),
                None => write!(
                    f,
                    "p{proxy} answers the end of the limit of {name}: {status:?}"
                ),
            },
            Self::Probed {
                proxy,
                process,
                checkpoint,
                probe,
            } => {
                write!(f, "p{proxy}/{process} at {checkpoint:?}: ")?;
                match probe {
                    Some(probe) => probe.fmt(f),
                    None => f.write_str("no answer"),
                }
            }
            Self::Reached(checkpoint) => write!(f, "checkpoint {checkpoint:?}"),
        }
    }
}
