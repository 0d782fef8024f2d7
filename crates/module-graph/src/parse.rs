//! From source files to the module tree.

mod attributes;
mod cursor;
mod imports;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::str::FromStr;

use proc_macro2::{Delimiter, TokenStream, TokenTree};

use crate::tree::{Id, Tree};
use attributes::Attributes;
use cursor::Cursor;

/// Words that declare an item; its name follows.
const DECLARATIONS: [&str; 8] = [
    "struct", "enum", "union", "trait", "fn", "type", "const", "static",
];

/// Reads the crate with this root file.
pub(crate) fn tree(root: &Path) -> io::Result<Tree> {
    let mut tree = Tree::default();
    let folder = root.parent().unwrap_or(root).to_owned();
    let file = Rc::new(root.to_owned());
    let id = tree.add(None, "", Rc::clone(&file));
    Reader {
        tree: &mut tree,
        id,
        file,
        folder,
    }
    .read_file()?;
    Ok(tree)
}

/// Reads one module.
struct Reader<'a> {
    tree: &'a mut Tree,
    id: Id,
    file: Rc<PathBuf>,
    /// Where the files of its children are.
    folder: PathBuf,
}

impl Reader<'_> {
    fn read_file(&mut self) -> io::Result<()> {
        let text = fs::read_to_string(&*self.file).map_err(|error| self.fault(&error))?;
        let tokens = TokenStream::from_str(&text).map_err(|error| self.fault(&error))?;
        self.read(tokens)
    }

    fn fault(&self, error: &dyn std::fmt::Display) -> io::Error {
        io::Error::other(format!("{}: {error}", self.file.display()))
    }

    /// Records what these tokens declare and refer to. Groups are read to any depth, so functions' bodies and
    /// the arguments of macros count as the module's own.
    fn read(&mut self, tokens: TokenStream) -> io::Result<()> {
        let mut cursor = Cursor::new(tokens);
        let mut attributes = Attributes::default();
        while let Some(token) = cursor.next() {
            match token {
                TokenTree::Punct(punct) if punct.as_char() == '#' => {
                    let is_inner = cursor.eat('!');
                    if let Some(content) = cursor.group(Delimiter::Bracket) {
                        attributes.add(content.clone());
                        if attributes.is_test && is_inner {
                            return Ok(());
                        }
                        self.read(content)?;
                    }
                    continue;
                }
                _ if attributes.is_test => cursor.skip_item(&token),
                TokenTree::Group(group) => self.read(group.stream())?,
                TokenTree::Ident(ident) => {
                    let line = ident.span().start().line;
                    self.word(&ident.to_string(), line, &mut cursor, &attributes)?;
                    // Visibility and qualifiers stand between an attribute and its item.
                    if matches!(ident.to_string().as_str(), "pub" | "unsafe") {
                        continue;
                    }
                }
                // `.method::<…>` and `::name` start no path of this crate.
                TokenTree::Punct(punct) if punct.as_char() == '.' => {
                    cursor.word();
                }
                TokenTree::Punct(punct) if punct.as_char() == ':' && cursor.eat(':') => {
                    cursor.path("");
                }
                _ => {}
            }
            attributes = Attributes::default();
        }
        Ok(())
    }

    fn word(
        &mut self,
        word: &str,
        line: usize,
        cursor: &mut Cursor,
        attributes: &Attributes,
    ) -> io::Result<()> {
        match word {
            "pub" => {
                // The path in `pub(in path)` is not a use of that module.
                cursor.group(Delimiter::Parenthesis);
            }
            "use" if !cursor.is_at('<') => self.import(cursor, line),
            "mod" => {
                if let Some(name) = cursor.word() {
                    self.child(&name, cursor, attributes)?;
                }
            }
            "macro_rules" if cursor.eat('!') => self.declare(cursor.word()),
            _ if DECLARATIONS.contains(&word) => self.declare(cursor.word()),
            _ => {
                let path = cursor.path(word);
                // A single name can come from this crate only by a glob, so it is not a variable.
                if path.len() > 1 || word.starts_with(char::is_uppercase) {
                    self.refer(path, line);
                }
            }
        }
        Ok(())
    }

    fn import(&mut self, cursor: &mut Cursor, line: usize) {
        for import in imports::parse(cursor) {
            if let Some(module) = self.tree.get_mut(self.id) {
                if import.is_glob {
                    module.globs.push(import.path.clone());
                } else if let Some(name) = import.name {
                    module
                        .imports
                        .entry(name)
                        .or_insert_with(|| import.path.clone());
                }
            }
            self.refer(import.path, line);
        }
    }

    fn refer(&mut self, path: Vec<String>, line: usize) {
        if let Some(module) = self.tree.get_mut(self.id) {
            module.paths.push((path, line));
        }
    }

    fn declare(&mut self, name: Option<String>) {
        if let (Some(module), Some(name)) = (self.tree.get_mut(self.id), name) {
            module.declared.insert(name);
        }
    }

    /// A module declared here, inline or in a file of its own.
    fn child(
        &mut self,
        name: &str,
        cursor: &mut Cursor,
        attributes: &Attributes,
    ) -> io::Result<()> {
        let below = self.folder.join(name);
        if let Some(inline) = cursor.group(Delimiter::Brace) {
            let file = Rc::clone(&self.file);
            return self.descend(name, file, below).read(inline);
        }
        let beside = self.file.parent().unwrap_or(Path::new(""));
        let file = match &attributes.path {
            Some(path) => beside.join(path),
            None => below.with_added_extension("rs"),
        };
        let (file, folder) = match &attributes.path {
            Some(_) => (file.clone(), file.parent().unwrap_or(beside).to_owned()),
            None if file.is_file() => (file, below),
            None => (below.join("mod.rs"), below),
        };
        self.descend(name, Rc::new(file), folder).read_file()
    }

    fn descend(&mut self, name: &str, file: Rc<PathBuf>, folder: PathBuf) -> Reader<'_> {
        let id = self.tree.add(Some(self.id), name, Rc::clone(&file));
        Reader {
            tree: self.tree,
            id,
            file,
            folder,
        }
    }
}
