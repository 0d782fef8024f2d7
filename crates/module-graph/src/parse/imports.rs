//! The tree of a `use` declaration.

use proc_macro2::Delimiter;

use super::cursor::Cursor;

/// One leaf of the tree.
#[derive(Debug, Eq, PartialEq)]
pub(super) struct Import {
    pub(super) path: Vec<String>,
    /// The imported name. None for `_` and for globs.
    pub(super) name: Option<String>,
    pub(super) is_glob: bool,
}

/// Reads what follows the word `use`, up to the semicolon.
pub(super) fn parse(cursor: &mut Cursor) -> Vec<Import> {
    let mut imports = Vec::new();
    // `use ::name` refers to another crate.
    let is_extern = cursor.eat_colons();
    branch(cursor, &[], &mut imports);
    cursor.eat(';');
    if is_extern {
        imports.clear();
    }
    imports
}

fn branch(cursor: &mut Cursor, above: &[String], imports: &mut Vec<Import>) {
    let mut path = above.to_vec();
    loop {
        if cursor.eat('*') {
            imports.push(Import {
                path,
                name: None,
                is_glob: true,
            });
            return;
        }
        if let Some(list) = cursor.group(Delimiter::Brace) {
            let mut list = Cursor::new(list);
            loop {
                branch(&mut list, &path, imports);
                if !list.eat(',') {
                    return;
                }
            }
        }
        let Some(word) = cursor.word() else {
            return;
        };
        // `a::{self}` is `a`.
        if word != "self" || path.is_empty() {
            path.push(word);
        }
        if cursor.eat_colons() {
            continue;
        }
        let name = if cursor.peek_word().as_deref() == Some("as") {
            cursor.word();
            cursor.word().filter(|name| name != "_")
        } else {
            path.last().cloned()
        };
        imports.push(Import {
            path,
            name,
            is_glob: false,
        });
        return;
    }
}
