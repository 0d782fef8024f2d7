//! Certificates, private keys and secrets, read from files.
//!
//! Every program here has two ends of TLS: the proxy shows certificates to clients and checks those of substations, the
//! simulated substation and the load generator do the same from the other side. A file that does not fit is the most
//! common fault of all of them, so one place reads the files and says what is wrong and what to do. Who reads a file
//! puts the name of its own option or key in front.
//!
//! It knows no connection and no configuration. Nothing here is fit for a request's path: it blocks.

mod bearer;
mod chain;
mod pem_lines;
mod provider;
mod secret;
mod subject;
mod trust;
mod unverified;

pub use bearer::{Bearer, Bearers};
pub use chain::{Chain, Refused, Which, date};
pub use provider::provider;
pub use secret::secret;
pub use subject::Subject;
pub use trust::{client, client_of, roots, system_roots};
pub use unverified::unverified;
