//! Turns events into a tree, and counts before it keeps.

use std::collections::HashMap;

use granit_parser::{Event, Marker, ScalarStyle, Tag};

use super::{DEPTH, Error, NODES, Node, TEXT, scalar::Scalar, too_deep};

/// The tree so far.
#[derive(Debug, Default)]
pub(super) struct Builder {
    /// The lists and maps that are still open, from the outside in.
    open: Vec<Open>,
    /// What each anchor stands for.
    anchors: HashMap<usize, Measured>,
    /// The document, once it is complete.
    document: Option<Node>,
    /// All that was built so far, anchors and aliases included.
    spent: Size,
}

/// A list or a map that is still open.
#[derive(Debug)]
struct Open {
    collection: Collection,
    /// The number of its anchor; 0 for none.
    anchor: usize,
    size: Size,
    /// The levels below it.
    depth: usize,
}

#[derive(Debug)]
enum Collection {
    List(Vec<Node>),
    /// The entries, and the key whose value is next.
    Map(Vec<(Node, Node)>, Option<Node>),
}

/// A node, how much it is, and its levels, itself included.
#[derive(Clone, Debug)]
struct Measured {
    node: Node,
    size: Size,
    depth: usize,
}

/// Nodes, and bytes of text.
#[derive(Clone, Copy, Debug, Default)]
struct Size {
    nodes: usize,
    text: usize,
}

impl Size {
    fn plus(self, other: Self) -> Self {
        Self {
            nodes: self.nodes.saturating_add(other.nodes),
            text: self.text.saturating_add(other.text),
        }
    }
}

impl Builder {
    /// Takes the next event of the parser.
    pub(super) fn take(&mut self, event: Event<'_>, at: Marker) -> Result<(), Error> {
        match event {
            Event::DocumentStart(..) if self.document.is_some() => Err(Error::at(
                at,
                "holds a second document, and only one is read: remove the rest, which begins",
            )),
            Event::Scalar(text, style, anchor, tag) => {
                let size = Size {
                    nodes: 1,
                    text: text.len(),
                };
                self.spend(size, at)?;
                let is_plain = style == ScalarStyle::Plain;
                let scalar = match tag.as_deref() {
                    None => Scalar::read(text.into_owned(), is_plain),
                    Some(tag) => tagged(text.into_owned(), tag).ok_or_else(|| foreign(tag, at))?,
                };
                let node = Node::Scalar(scalar);
                self.add(
                    Measured {
                        node,
                        size,
                        depth: 1,
                    },
                    anchor,
                    at,
                )
            }
            Event::SequenceStart(_, anchor, tag) => {
                require_tag(tag.as_deref(), "seq", at)?;
                self.begin(Collection::List(Vec::new()), anchor, at)
            }
            Event::MappingStart(_, anchor, tag) => {
                require_tag(tag.as_deref(), "map", at)?;
                self.begin(Collection::Map(Vec::new(), None), anchor, at)
            }
            Event::SequenceEnd | Event::MappingEnd => self.end(at),
            Event::Alias(anchor) => {
                let Some(known) = self.anchors.get(&anchor) else {
                    return Err(Error::at(at, "an alias stands within what it stands for"));
                };
                let (size, depth) = (known.size, known.depth);
                self.spend(size, at)?;
                self.require_depth(depth, at)?;
                // The bounds above were asked first: this copies.
                let node = known_node(&self.anchors, anchor);
                self.add(Measured { node, size, depth }, 0, at)
            }
            // The document's marks; what else there is, such as comments, is not asked for.
            _ => Ok(()),
        }
    }

    /// The document; null if there was none.
    pub(super) fn finish(self) -> Node {
        self.document
            .unwrap_or_else(|| Node::Scalar(Scalar::read(String::new(), true)))
    }

    fn begin(&mut self, collection: Collection, anchor: usize, at: Marker) -> Result<(), Error> {
        let size = Size { nodes: 1, text: 0 };
        self.spend(size, at)?;
        self.require_depth(1, at)?;
        self.open.push(Open {
            collection,
            anchor,
            size,
            depth: 0,
        });
        Ok(())
    }

    fn end(&mut self, at: Marker) -> Result<(), Error> {
        let Some(open) = self.open.pop() else {
            return Ok(());
        };
        let node = match open.collection {
            Collection::List(items) => Node::List(items),
            Collection::Map(entries, _) => Node::Map(entries),
        };
        let complete = Measured {
            node,
            size: open.size,
            depth: open.depth + 1,
        };
        self.add(complete, open.anchor, at)
    }

    /// Adds a complete node to what is open.
    fn add(&mut self, complete: Measured, anchor: usize, at: Marker) -> Result<(), Error> {
        if anchor != 0 {
            self.spend(complete.size, at)?;
            self.anchors.insert(anchor, complete.clone());
        }
        let Measured { node, size, depth } = complete;
        let Some(open) = self.open.last_mut() else {
            self.document = Some(node);
            return Ok(());
        };
        open.size = open.size.plus(size);
        open.depth = open.depth.max(depth);
        match &mut open.collection {
            Collection::List(items) => items.push(node),
            Collection::Map(entries, key) => match key.take() {
                None => *key = Some(node),
                Some(key) => entries.push((key, node)),
            },
        }
        Ok(())
    }

    /// Counts what is about to be kept.
    fn spend(&mut self, size: Size, at: Marker) -> Result<(), Error> {
        self.spent = self.spent.plus(size);
        if self.spent.nodes > NODES {
            let what = format!("holds more than {NODES} values, those of aliases included,");
            return Err(Error::at(at, what));
        }
        if self.spent.text > TEXT {
            let most = TEXT >> 20;
            let what = format!("holds more than {most} MiB of text, that of aliases included,");
            return Err(Error::at(at, what));
        }
        Ok(())
    }

    /// Refuses a node of `depth` levels where the tree would become too deep.
    fn require_depth(&self, depth: usize, at: Marker) -> Result<(), Error> {
        if self.open.len() + depth > DEPTH {
            return Err(Error::at(at, too_deep()));
        }
        Ok(())
    }
}

/// A copy of what an anchor stands for.
fn known_node(anchors: &HashMap<usize, Measured>, anchor: usize) -> Node {
    anchors.get(&anchor).map_or_else(
        || Node::Scalar(Scalar::read(String::new(), true)),
        |known| known.node.clone(),
    )
}

/// A scalar under one of YAML's own tags, if its text is of that kind.
fn tagged(text: String, tag: &Tag) -> Option<Scalar> {
    if tag.original() == "!" {
        return Some(Scalar::read(text, false));
    }
    match tag.core_suffix()? {
        "str" => Some(Scalar::read(text, false)),
        kind => {
            // `!!int "5"` says what the quotes would hide.
            let scalar = Scalar::read(text, true);
            (scalar.value.tag() == kind || kind == "float" && scalar.value.tag() == "int")
                .then_some(scalar)
        }
    }
}

/// A list or a map may have its own tag of YAML, and no other.
fn require_tag(tag: Option<&Tag>, own: &str, at: Marker) -> Result<(), Error> {
    match tag {
        Some(tag) if tag.core_suffix() != Some(own) => Err(foreign(tag, at)),
        _ => Ok(()),
    }
}

fn foreign(tag: &Tag, at: Marker) -> Error {
    let shown = crate::Shown::value(tag.original());
    Error::at(
        at,
        format!(
            "has the tag {shown}, which does not fit it: write a plain value, a list or a map, without a !tag,"
        ),
    )
}
