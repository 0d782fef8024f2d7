//! A cursor over tokens, with lookahead.

use proc_macro2::{Delimiter, TokenStream, TokenTree};

/// Items that end with a semicolon, even if they contain braces.
const UP_TO_SEMICOLON: [&str; 5] = ["use", "const", "static", "type", "let"];
/// Items that do not end at a comma.
const ITEMS: [&str; 11] = [
    "fn",
    "struct",
    "enum",
    "union",
    "trait",
    "impl",
    "mod",
    "unsafe",
    "async",
    "extern",
    "macro_rules",
];

/// Tokens, and how many of them have been read.
pub(super) struct Cursor {
    tokens: Vec<TokenTree>,
    at: usize,
}

impl Cursor {
    pub(super) fn new(tokens: TokenStream) -> Self {
        Self {
            tokens: tokens.into_iter().collect(),
            at: 0,
        }
    }

    pub(super) fn next(&mut self) -> Option<TokenTree> {
        let token = self.tokens.get(self.at).cloned();
        self.at += 1;
        token
    }

    /// Whether this sign comes after this many other tokens.
    fn comes(&self, after: usize, sign: char) -> bool {
        let token = self.tokens.get(self.at + after);
        matches!(token, Some(TokenTree::Punct(punct)) if punct.as_char() == sign)
    }

    /// Whether this sign is next.
    pub(super) fn is_at(&self, sign: char) -> bool {
        self.comes(0, sign)
    }

    /// Takes this sign, if it is next.
    pub(super) fn eat(&mut self, sign: char) -> bool {
        let is_next = self.is_at(sign);
        self.at += usize::from(is_next);
        is_next
    }

    fn is_at_colons(&self) -> bool {
        self.comes(0, ':') && self.comes(1, ':')
    }

    /// Takes `::`, if it is next.
    pub(super) fn eat_colons(&mut self) -> bool {
        let is_next = self.is_at_colons();
        self.at += if is_next { 2 } else { 0 };
        is_next
    }

    fn word_after(&self, after: usize) -> Option<String> {
        match self.tokens.get(self.at + after) {
            Some(TokenTree::Ident(ident)) => {
                let word = ident.to_string();
                Some(word.strip_prefix("r#").map_or(word.clone(), str::to_owned))
            }
            _ => None,
        }
    }

    /// The next word, if it is one.
    pub(super) fn peek_word(&self) -> Option<String> {
        self.word_after(0)
    }

    /// Takes the next word, if it is one.
    pub(super) fn word(&mut self) -> Option<String> {
        let word = self.peek_word()?;
        self.at += 1;
        Some(word)
    }

    /// Takes the next group, if it has these delimiters, and returns what is in it.
    pub(super) fn group(&mut self, delimiter: Delimiter) -> Option<TokenStream> {
        match self.tokens.get(self.at) {
            Some(TokenTree::Group(group)) if group.delimiter() == delimiter => {
                let content = group.stream();
                self.at += 1;
                Some(content)
            }
            _ => None,
        }
    }

    /// Takes the rest of a path that begins with `first`.
    pub(super) fn path(&mut self, first: &str) -> Vec<String> {
        let mut path = vec![first.to_owned()];
        while self.is_at_colons()
            && let Some(word) = self.word_after(2)
        {
            path.push(word);
            self.at += 3;
        }
        path
    }

    /// Skips the item, statement, field or arm that begins with `first`.
    pub(super) fn skip_item(&mut self, first: &TokenTree) {
        let mut token = first.clone();
        let (mut has_keyword, mut is_up_to_semicolon) = (false, false);
        loop {
            match &token {
                TokenTree::Ident(ident) if !has_keyword => {
                    let word = ident.to_string();
                    is_up_to_semicolon = UP_TO_SEMICOLON.contains(&word.as_str());
                    has_keyword = is_up_to_semicolon || ITEMS.contains(&word.as_str());
                }
                TokenTree::Group(group)
                    if group.delimiter() == Delimiter::Brace && !is_up_to_semicolon =>
                {
                    return;
                }
                TokenTree::Punct(punct) => match punct.as_char() {
                    ';' => return,
                    ',' if !has_keyword => return,
                    _ => {}
                },
                _ => {}
            }
            match self.next() {
                Some(next) => token = next,
                None => return,
            }
        }
    }
}
