//! Which substations a request can use, and which it would rather have: by the labels of substations, and by what the
//! request says in its body and in its headers.
//!
//! A [`Rule`] ties a label to where a request names its value. [`Selections`] knows the rules and all labels of one grid.
//! A request is read value by value, while its body is parsed: [`Wanted`]. Nothing of its text is kept: each value is
//! looked up at once among those that the substations have, and becomes a small number. The numbers of all rules together
//! name a [`Selection`]: masks of positions, worked out once and kept.
//!
//! What clients send grows nothing. A value that no substation has gets no number: it is an error at once where it is
//! needed, and ignored where it is preferred. So only what substations have can be combined, and of the combinations
//! at most 1,024 are kept; others are worked out anew for each request.
//!
//! Values are texts. A label may be a list with commas; a request's value is one of them. A number or a truth value of JSON
//! stands for its text, a number for its shortest decimal one: `150`, `150.0` and `1.5e2` are all `150`. Blanks around a
//! value don't count, and an empty value restricts nothing. With [`Rule::is_number`] the label must reach the request's
//! number instead.

mod affinity;
mod bits;
mod cache;
mod labels;
mod rule;
mod selection;
mod selections;
mod stages;
mod wanted;

pub use affinity::Affinity;
pub use labels::LabelSet;
pub use rule::{MOST_RULES, Rule, Source};
pub use selection::{NoMatch, Selection};
pub use selections::Selections;
pub use wanted::{LONGEST_VALUE, Unfit, Value, Wanted};
