//! What ties a label to a request.

/// The most rules of a configuration.
pub const MOST_RULES: usize = 16;

/// Where a request names its value of a label, and what that means.
#[derive(Clone, Debug, PartialEq)]
pub struct Rule {
    /// The label.
    pub label: String,
    /// Where requests name its value.
    pub source: Source,
    /// Whether a request would rather have it, and does not need it.
    pub is_preference: bool,
    /// For a preference: the utilisation of all that have it beyond which others are used too.
    pub spill_at: Option<f64>,
    /// Whether the label is a number that has to reach the request's.
    pub is_number: bool,
}

/// Where a request names a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// In this field of its body.
    Field(String),
    /// In this header.
    Header(String),
}

impl Source {
    /// The name of the field or the header.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Field(name) | Self::Header(name) => name,
        }
    }
}

impl Rule {
    pub(crate) const fn is_header(&self) -> bool {
        matches!(self.source, Source::Header(_))
    }
}
