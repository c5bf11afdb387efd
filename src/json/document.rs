//! A JSON text held as it came, with a flat index of its values.
//!
//! Nothing is converted before somebody asks: unknown members, number spelling and `null` survive because the
//! text itself is kept. `scan.rs` builds the index, everything else here only reads it.

use std::borrow::Cow;
use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use super::place::{path, position};
use super::{escape, scan};
use crate::ParseError;

/// What a value is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `{...}`
    Object,
    /// `[...]`
    Array,
    /// A string without escapes: its text is the text between the quotes.
    Plain,
    /// A string with at least one backslash.
    Escaped,
    /// A number, in whatever spelling it came.
    Number,
    /// `true`
    True,
    /// `false`
    False,
    /// `null`
    Null,
}

/// One value (or member name): its place in the text, and the index just past everything inside it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Entry {
    pub(super) kind: Kind,
    pub(super) start: u32,
    pub(super) end: u32,
    pub(super) next: u32,
}

/// The text of a string entry, and whether it is all there: half a surrogate pair reads as U+FFFD.
pub(super) fn string(text: &str, entry: Entry) -> Option<(Cow<'_, str>, bool)> {
    let inner = text.get(entry.start as usize + 1..(entry.end as usize).saturating_sub(1));
    match entry.kind {
        Kind::Plain => Some((Cow::Borrowed(inner?), true)),
        Kind::Escaped => {
            let (text, whole) = escape::unescape(inner?);
            Some((Cow::Owned(text), whole))
        }
        _ => None,
    }
}

/// A parsed JSON text.
#[derive(Debug)]
pub struct Document {
    text: Box<str>,
    entries: Vec<Entry>,
}

impl Document {
    /// Reads one strict JSON text (RFC 8259) at most `max_depth` deep.
    pub fn parse(text: &str, max_depth: usize) -> Result<Self, ParseError> {
        let entries = scan::scan(text, max_depth)?;
        Ok(Self { text: text.into(), entries })
    }

    /// The outermost value.
    pub fn root(&self) -> Node<'_> {
        self.node(0)
    }

    /// The value of that [`Node::index`].
    pub fn node(&self, index: u32) -> Node<'_> {
        Node { doc: self, index }
    }
}

/// One value of a document.
#[derive(Clone, Copy)]
pub struct Node<'a> {
    doc: &'a Document,
    index: u32,
}

const ABSENT: Entry = Entry { kind: Kind::Null, start: 0, end: 0, next: u32::MAX };

impl<'a> Node<'a> {
    fn entry(self) -> Entry {
        self.doc.entries.get(self.index as usize).copied().unwrap_or(ABSENT)
    }

    /// What the value is.
    pub fn kind(self) -> Kind {
        self.entry().kind
    }

    /// The value as it stands in the text.
    pub fn raw(self) -> &'a str {
        let entry = self.entry();
        self.doc.text.get(entry.start as usize..entry.end as usize).unwrap_or_default()
    }

    /// Position in the document's index, for [`Document::node`].
    pub fn index(self) -> u32 {
        self.index
    }

    /// An error that says where the value is.
    pub(crate) fn fault(self, reason: impl Into<String>) -> ParseError {
        let (line, column) = position(&self.doc.text, self.entry().start as usize);
        let path = path(&self.doc.text, &self.doc.entries, self.index);
        ParseError { reason: reason.into(), path, line, column }
    }

    /// Members of an object in the order they came; nothing for other values.
    pub fn members(self) -> Members<'a> {
        Members(self.children(Kind::Object))
    }

    /// Items of an array; nothing for other values.
    pub fn items(self) -> Children<'a> {
        self.children(Kind::Array)
    }

    /// The value itself, as if it were the one item of an array.
    pub fn alone(self) -> Children<'a> {
        Children { doc: self.doc, index: self.index, end: self.entry().next }
    }

    fn children(self, of: Kind) -> Children<'a> {
        let entry = self.entry();
        let end = if entry.kind == of { entry.next } else { self.index };
        Children { doc: self.doc, index: self.index + 1, end }
    }

    /// The member of that name; the last one if it comes twice.
    pub fn get(self, name: &str) -> Option<Node<'a>> {
        let object = self.entry();
        if object.kind != Kind::Object {
            return None;
        }
        let length = name.len() + 2;
        let (mut found, mut index) = (None, self.index + 1);
        // The loop that every attribute runs: lengths first, over bare entries, is half the time of one over nodes.
        while index < object.next
            && let [key, value, ..] = self.doc.entries.get(index as usize..)?
        {
            if (key.end - key.start) as usize == length || key.kind == Kind::Escaped {
                let same = Node { doc: self.doc, index }.is(name);
                found = if same { Some(Node { doc: self.doc, index: index + 1 }) } else { found };
            }
            index = value.next;
        }
        found
    }

    /// The members by name; the last of those that come twice.
    pub(crate) fn by_name(self) -> HashMap<Cow<'a, str>, Node<'a>> {
        self.members().filter_map(|(name, value)| Some((name.as_str()?, value))).collect()
    }

    /// The string, unescaped; `None` for other values. Half a surrogate pair reads as U+FFFD.
    pub fn as_str(self) -> Option<Cow<'a, str>> {
        string(&self.doc.text, self.entry()).map(|(text, _)| text)
    }

    /// The string, unless half a surrogate pair in it can be read in more than one way.
    pub(super) fn whole_str(self) -> Option<Cow<'a, str>> {
        string(&self.doc.text, self.entry()).filter(|(_, whole)| *whole).map(|(text, _)| text)
    }

    /// The bytes of a string without escapes.
    fn plain(self) -> Option<&'a [u8]> {
        let entry = self.entry();
        let inner = entry.start as usize + 1..(entry.end as usize).saturating_sub(1);
        self.doc.text.as_bytes().get(inner).filter(|_| entry.kind == Kind::Plain)
    }

    /// Whether it is this very string.
    pub fn is(self, text: &str) -> bool {
        match self.plain() {
            Some(plain) => plain == text.as_bytes(),
            None => self.as_str().is_some_and(|own| own == text),
        }
    }

    /// The string member of that name.
    pub fn str(self, name: &str) -> Option<Cow<'a, str>> {
        self.get(name)?.as_str()
    }

    /// The integer, also when it came as a numeric string.
    pub fn as_int(self) -> Option<i64> {
        match self.kind() {
            Kind::Number => self.raw().parse().ok(),
            _ => self.as_str()?.parse().ok(),
        }
    }

    /// The object member of that name.
    pub fn object(self, name: &str) -> Option<Node<'a>> {
        self.get(name).filter(|value| value.kind() == Kind::Object)
    }

    /// A number that is the same for values that are equal as JSON.
    pub fn fingerprint(self) -> u64 {
        let mut hasher = DefaultHasher::new();
        match self.kind() {
            Kind::Object => self
                .by_name()
                .into_iter()
                .map(|(name, value)| {
                    let mut member = DefaultHasher::new();
                    (name, value.fingerprint()).hash(&mut member);
                    member.finish()
                })
                // A sum, because members may come in any order.
                .fold(0_u64, u64::wrapping_add)
                .hash(&mut hasher),
            Kind::Array => self.items().for_each(|item| item.fingerprint().hash(&mut hasher)),
            Kind::Plain | Kind::Escaped => self.as_str().hash(&mut hasher),
            _ => self.raw().hash(&mut hasher),
        }
        hasher.finish()
    }

    /// The members of these names in one pass; the name of the first that comes twice as an error.
    pub fn pick<const N: usize>(
        self,
        names: [&'static str; N],
    ) -> Result<[Option<Node<'a>>; N], &'static str> {
        let (picked, twice) = self.pick_all(names);
        twice.map_or(Ok(picked), Err)
    }

    /// The members of these names in one pass; the last one of a name that comes twice.
    pub fn last_of<const N: usize>(self, names: [&'static str; N]) -> [Option<Node<'a>>; N] {
        self.pick_all(names).0
    }

    fn pick_all<const N: usize>(
        self,
        names: [&'static str; N],
    ) -> ([Option<Node<'a>>; N], Option<&'static str>) {
        let (mut picked, mut twice) = ([None; N], None);
        for (key, value) in self.members() {
            let plain = key.plain();
            let same = |name: &str| plain.map_or_else(|| key.is(name), |plain| plain == name.as_bytes());
            if let Some((name, slot)) = names.iter().zip(&mut picked).find(|(name, _)| same(name))
                && slot.replace(value).is_some()
            {
                twice = twice.or(Some(*name));
            }
        }
        (picked, twice)
    }
}

/// Equal as JSON: members in any order, the last of those that come twice, numbers by spelling.
impl PartialEq for Node<'_> {
    fn eq(&self, other: &Self) -> bool {
        if self.raw() == other.raw() {
            return true;
        }
        match (self.kind(), other.kind()) {
            (Kind::Object, Kind::Object) => self.by_name() == other.by_name(),
            (Kind::Array, Kind::Array) => self.items().eq(other.items()),
            _ => self.as_str().is_some_and(|own| other.as_str().is_some_and(|theirs| own == theirs)),
        }
    }
}

/// Iterator over the values inside a value.
#[derive(Clone)]
pub struct Children<'a> {
    doc: &'a Document,
    index: u32,
    end: u32,
}

impl<'a> Iterator for Children<'a> {
    type Item = Node<'a>;

    fn next(&mut self) -> Option<Node<'a>> {
        if self.index >= self.end {
            return None;
        }
        let node = Node { doc: self.doc, index: self.index };
        self.index = node.entry().next;
        Some(node)
    }
}

/// Iterator over name and value of an object's members.
#[derive(Clone)]
pub struct Members<'a>(Children<'a>);

impl<'a> Iterator for Members<'a> {
    type Item = (Node<'a>, Node<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        Some((self.0.next()?, self.0.next()?))
    }
}
