//! What attributes say about the item that follows them.

use proc_macro2::{TokenStream, TokenTree};

/// The relevant attributes read so far.
#[derive(Debug, Default)]
pub(super) struct Attributes {
    /// The item is compiled for tests only.
    pub(super) is_test: bool,
    /// The module's file, if `#[path]` names it.
    pub(super) path: Option<String>,
}

impl Attributes {
    /// Adds one attribute; `content` is the text between its brackets.
    pub(super) fn add(&mut self, content: TokenStream) {
        let mut tokens = content.into_iter();
        let name = tokens.next().map(|name| name.to_string());
        match (name.as_deref(), tokens.next(), tokens.next()) {
            (Some("cfg"), Some(TokenTree::Group(group)), _) => {
                self.is_test |= implies_test(group.stream());
            }
            (Some("path"), _, Some(TokenTree::Literal(path))) => {
                self.path = Some(path.to_string().trim_matches('"').to_owned());
            }
            _ => {}
        }
    }
}

/// Whether this predicate of `cfg` holds only where `test` does.
fn implies_test(predicate: TokenStream) -> bool {
    let mut tokens = predicate.into_iter();
    match (tokens.next(), tokens.next()) {
        (Some(TokenTree::Ident(word)), None) => word == "test",
        (Some(TokenTree::Ident(word)), Some(TokenTree::Group(group))) if word == "all" => {
            alternatives(group.stream()).into_iter().any(implies_test)
        }
        (Some(TokenTree::Ident(word)), Some(TokenTree::Group(group))) if word == "any" => {
            alternatives(group.stream()).into_iter().all(implies_test)
        }
        _ => false,
    }
}

/// The parts between the commas.
fn alternatives(list: TokenStream) -> Vec<TokenStream> {
    let tokens: Vec<_> = list.into_iter().collect();
    tokens
        .split(|token| matches!(token, TokenTree::Punct(punct) if punct.as_char() == ','))
        .filter(|tokens| !tokens.is_empty())
        .map(|tokens| tokens.iter().cloned().collect())
        .collect()
}
