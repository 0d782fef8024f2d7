//! The result of a check.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The result of a check.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct Verdict {
    /// The check, as it was given.
    pub fail_if: String,
    /// The figure, with its unit.
    pub found: String,
    /// Whether the run passed.
    pub passed: bool,
}

impl fmt::Display for Verdict {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let how = if self.passed { "passed" } else { "FAILED" };
        write!(
            out,
            "{how}          fail if {}: {}",
            self.fail_if, self.found
        )
    }
}
