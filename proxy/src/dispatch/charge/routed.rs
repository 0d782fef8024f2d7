//! Reads a request of a route as a charge: its load by the route's rule, and what it needs by what the route selects by.
//!
//! Nothing else in it has a meaning here. The body of a short message is parsed only if a field of it counts. If that is
//! the load, it is read as strictly as a charge's, since a load that was misread would be missing in a ledger. A stream
//! goes to its substation whatever its body is: what can't be read counts as not given.

use std::sync::Arc;

use serde_json::Deserializer;
use switchyard_balance::{Lasts, Load};
use switchyard_config::{AffinityFrom, RouteLasts};
use switchyard_http1::{Head, RequestHead, Unencodable};
use switchyard_idempotency::{Fingerprint, KeyHash};
use switchyard_selection::{Selection, Wanted};
use switchyard_upstream::Progress;
use switchyard_wire::{Code, Consequence, Failure};

use super::{
    Charge, explain,
    fields::{Fields, Found},
    loose::Loose,
};
use crate::{
    dispatch::{
        needs::{self, Needs},
        sessions,
    },
    snapshot::{Found as FoundRoute, LoadRule, RouteRule, Snapshot},
};

/// Methods that may be repeated, whatever the first time has done (RFC 9110 §9.2.2).
const IDEMPOTENT: [&str; 6] = ["GET", "HEAD", "OPTIONS", "PUT", "DELETE", "TRACE"];

/// What a request asks for at its route.
#[derive(Clone, Debug)]
pub(in crate::dispatch) struct Routed<'a> {
    pub(in crate::dispatch) rule: Arc<RouteRule>,
    pub(in crate::dispatch) method: &'a str,
    /// The client's path.
    pub(in crate::dispatch) path: &'a str,
    /// Whether it is a stream.
    is_stream: bool,
}

impl Routed<'_> {
    /// The line of the request for a substation with this authority. A `HEAD` is a `GET` whose answer's body is left out.
    pub(in crate::dispatch) fn line(&self, authority: &str) -> Result<RequestHead, Unencodable> {
        let method = match self.method {
            "HEAD" => "GET",
            method => method,
        };
        RequestHead::new(method, &self.rule.upstream_path(self.path), authority)
    }

    /// Whether any substation may take it, full or not.
    pub(in crate::dispatch) fn needs_no_room(&self) -> bool {
        self.rule.needs_no_room()
    }

    /// How long its load lasts. That of a connection is kept until the connection closes.
    pub(in crate::dispatch) fn lasts(&self) -> Lasts {
        match self.rule.config.lasts {
            RouteLasts::Session => Lasts::Session,
            RouteLasts::Answer | RouteLasts::Connection => Lasts::Answer,
        }
    }

    /// Whether its load outlives the answer.
    pub(in crate::dispatch) fn outlives(&self) -> bool {
        self.lasts() == Lasts::Session
    }

    /// Whether another substation may be asked although the first may have done what it asks for.
    pub(in crate::dispatch) fn is_repeatable(&self) -> bool {
        !self.outlives() && IDEMPOTENT.contains(&self.method)
    }

    /// The consequence for the client of a failed attempt with this progress.
    pub(in crate::dispatch) fn consequence(&self, progress: Progress) -> Consequence {
        match progress {
            Progress::Unsent if self.outlives() => Consequence::NotBooked,
            Progress::Sent if self.outlives() => Consequence::MayBeBooked,
            Progress::Unsent => Consequence::NotDone,
            Progress::Sent if self.is_repeatable() => Consequence::NothingChanged,
            Progress::Sent => Consequence::MayBeDone,
        }
    }
}

impl<'a> Charge<'a> {
    /// Reads a short message of a route: its whole body, and its head. `request` is its method and path. `is_keyed` asks for
    /// its fingerprint.
    pub(in crate::dispatch) fn of_route(
        body: &'a [u8],
        head: Head<'a>,
        (rule, request): (&Arc<RouteRule>, (&'a str, &'a str)),
        snapshot: &Snapshot,
        is_keyed: bool,
    ) -> Result<Self, Failure> {
        let routed = Routed {
            rule: Arc::clone(rule),
            method: request.0,
            path: request.1,
            is_stream: false,
        };
        // What can't be written for one substation can be for none.
        routed.line("a").map_err(sessions::unfit)?;
        Self::routed(Some(body), head, routed, snapshot, is_keyed)
    }

    /// Reads a stream of a route: its head, and its body as far as that is known. `None` is a body that is too long to be
    /// looked at.
    pub(in crate::dispatch) fn of_stream(
        body: Option<&'a [u8]>,
        head: Head<'a>,
        (rule, request): (&Arc<RouteRule>, (&'a str, &'a str)),
        snapshot: &Snapshot,
    ) -> Result<Self, Failure> {
        let routed = Routed {
            rule: Arc::clone(rule),
            method: request.0,
            path: request.1,
            is_stream: true,
        };
        Self::routed(body, head, routed, snapshot, false)
    }

    /// Reads it again, by the route that `snapshot` has for it. One that is there no more restricts nothing.
    pub(super) fn routed_again(
        &mut self,
        head: Head<'a>,
        snapshot: &Snapshot,
    ) -> Result<Needs, Failure> {
        let Some(routed) = &mut self.route else {
            return Ok(Needs::default());
        };
        let table = snapshot.routes.as_ref();
        let found = table.map(|table| table.find(routed.method, routed.path));
        let Some(FoundRoute::Rule(rule)) = found else {
            return Ok(Needs::default());
        };
        routed.rule = Arc::clone(rule);
        let routed = Routed::clone(routed);
        let read = Self::routed(Some(self.body), head, routed, snapshot, false)?;
        Ok(read.needs)
    }

    fn routed(
        body: Option<&'a [u8]>,
        head: Head<'a>,
        routed: Routed<'a>,
        snapshot: &Snapshot,
        is_keyed: bool,
    ) -> Result<Self, Failure> {
        let selections = routed.rule.selections.as_ref();
        let mut wanted = selections.map(|selections| selections.wanted(is_keyed));
        if let Some(wanted) = &mut wanted {
            let read = wanted.take_headers(|name| head.all(name));
            read.map_err(|(name, unfit)| {
                let message = format!("the header {name:?} {unfit}; nothing was done");
                Failure::new(Code::InvalidRequest, message)
            })?;
        }
        let load = load(body, &routed, wanted.as_mut())?;
        let resolved = match (selections, &wanted) {
            (Some(selections), Some(wanted)) => {
                let roster = snapshot.grid.roster();
                selections.resolve(wanted, |matches| roster.mask(matches))
            }
            _ => Ok(None),
        };
        let (selection, not_sent) = match resolved {
            Ok(selection) => (prefer(selection, head, &routed.rule, snapshot), None),
            Err(no_match) => {
                let failure = needs::failure(no_match);
                (None, Some(Box::new(failure)))
            }
        };
        let body = body.unwrap_or_default();
        let fingerprint = || {
            let needs = wanted.as_ref().and_then(Wanted::digest);
            let needs = needs.map(u128::to_be_bytes);
            let request = [routed.method.as_bytes(), routed.path.as_bytes(), body].map(Some);
            let needs = needs.as_ref().map(|needs| Some(needs.as_slice()));
            Fingerprint::of(request.into_iter().chain(needs))
        };
        Ok(Self {
            body,
            load,
            is_named: false,
            fingerprint: is_keyed.then(fingerprint),
            needs: Needs {
                version: snapshot.version,
                selection,
                not_sent,
            },
            is_traced: false,
            route: Some(Box::new(routed)),
        })
    }
}

/// The load of a request. Also takes what is read by `select`.
fn load(
    body: Option<&[u8]>,
    routed: &Routed<'_>,
    wanted: Option<&mut Wanted<'_>>,
) -> Result<Load, Failure> {
    let rule = &routed.rule.load;
    let (field, default, per) = match rule {
        LoadRule::Fixed(load) => (None, *load, 1.0),
        LoadRule::Field {
            field,
            default,
            per,
        } => (Some(field.as_str()), *default, *per),
    };
    let body = body.filter(|body| !body.is_empty() && routed.rule.reads_body());
    let Some(body) = body else {
        return Ok(default);
    };
    let Some(strict) = field.filter(|_| !routed.is_stream) else {
        let units = Loose::read(body, field, wanted);
        let load = units.and_then(|units| Load::new(units / per));
        return Ok(load.filter(|load| *load > Load::ZERO).unwrap_or(default));
    };
    let fields = Fields {
        load_field: strict,
        is_keyed: false,
        is_charge: false,
        wanted,
    };
    let found: Found = fields
        .read(Deserializer::from_slice(body))
        .map_err(|error| {
            let instead =
                format!(r#"send a JSON object, as in {{"{strict}": 1}}, or no body at all"#);
            let why = explain(&error, body, &instead);
            let message = format!("the body does not say its load: {why}");
            Failure::new(Code::InvalidRequest, message)
        })?;
    let Some(units) = found.load.map(Load::units) else {
        return Ok(default);
    };
    Load::new(units / per).ok_or_else(|| {
        let most = switchyard_balance::load::LARGEST;
        let message = format!("{strict:?} must be at most {:e}", most * per);
        Failure::new(Code::InvalidRequest, message)
    })
}

/// What a request wants, with the substation before all others that took the requests before it with the same value. It is
/// the same at every proxy, and while a substation is out of rotation only its own requests move.
fn prefer(
    selection: Option<Arc<Selection>>,
    head: Head<'_>,
    rule: &RouteRule,
    snapshot: &Snapshot,
) -> Option<Arc<Selection>> {
    let (Some(kept), Some(config)) = (&rule.affinity, &rule.config.affinity) else {
        return selection;
    };
    let Some(value) = value_of(head, &config.from) else {
        return selection;
    };
    let key = KeyHash::of(value).0.to_be_bytes();
    let key = key
        .first_chunk()
        .map_or(0, |first| u64::from_be_bytes(*first));
    let all = snapshot.grid.substations();
    let among = selection.as_ref().and_then(|selection| {
        let first = selection.preferred().first();
        first.map(|(mask, _)| mask).or_else(|| selection.needs())
    });
    let candidates = all.iter().enumerate().filter(|(at, substation)| {
        substation.ledger().is_in() && among.is_none_or(|among| among.contains(*at))
    });
    let first = candidates.max_by_key(|(_, substation)| substation.rank_for(key));
    let Some((first, _)) = first else {
        return selection;
    };
    let mask = || snapshot.grid.roster().mask(|at| at == first);
    Some(kept.prefer(first, selection.as_ref(), mask))
}

/// The value that keeps a request at a substation, if it names one.
fn value_of<'h>(head: Head<'h>, from: &'h AffinityFrom) -> Option<&'h [u8]> {
    let value = match from {
        AffinityFrom::Header(name) => head.all(name).next(),
        AffinityFrom::Cookie(name) => head.all("cookie").find_map(|cookies| {
            cookies.split(|byte| *byte == b';').find_map(|cookie| {
                let rest = cookie.trim_ascii().strip_prefix(name.as_bytes())?;
                rest.strip_prefix(b"=")
            })
        }),
    };
    value
        .map(<[u8]>::trim_ascii)
        .filter(|value| !value.is_empty())
}

#[cfg(test)]
mod tests;
