//! How what is done with a substation may end, and what each ending is called in metrics.

/// How an exchange with a substation ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UpstreamOutcome {
    /// It answered, with whatever status but a refusal.
    Ok,
    /// It answered that it did not book.
    Refused,
    /// No connection could be made.
    Connect,
    /// It did not answer in time.
    Timeout,
    /// It broke off, or its answer could not be read.
    Reset,
}

/// How a look at a substation's gauge ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PollOutcome {
    /// A sample.
    Ok,
    /// No whole answer in time.
    Timeout,
    /// No connection, or it broke.
    Connect,
    /// An answer other than 200.
    Status,
    /// A page that could not be read, or a gauge that is no load.
    Parse,
    /// A page without the gauge, or with several that match and no word of what they are together.
    Missing,
}

/// What became of a load that stood on an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReportOutcome {
    /// It is the newest sample.
    Ok,
    /// It is older than the last sample, or came just while another one was taken.
    Late,
    /// A report that could not be read, or that says no load.
    Parse,
    /// A report without the gauge.
    Missing,
    /// Neither TEXT nor JSON.
    Format,
}

/// Each with its name, at its own position.
pub(super) const UPSTREAM: [(UpstreamOutcome, &str); 5] = [
    (UpstreamOutcome::Ok, "ok"),
    (UpstreamOutcome::Refused, "refused"),
    (UpstreamOutcome::Connect, "connect"),
    (UpstreamOutcome::Timeout, "timeout"),
    (UpstreamOutcome::Reset, "reset"),
];

/// Each with its name, at its own position.
pub(super) const POLL: [(PollOutcome, &str); 6] = [
    (PollOutcome::Ok, "ok"),
    (PollOutcome::Timeout, "timeout"),
    (PollOutcome::Connect, "connect"),
    (PollOutcome::Status, "status"),
    (PollOutcome::Parse, "parse"),
    (PollOutcome::Missing, "missing"),
];

/// Each with its name, at its own position.
pub(super) const REPORT: [(ReportOutcome, &str); 5] = [
    (ReportOutcome::Ok, "ok"),
    (ReportOutcome::Late, "late"),
    (ReportOutcome::Parse, "parse"),
    (ReportOutcome::Missing, "missing"),
    (ReportOutcome::Format, "format"),
];
