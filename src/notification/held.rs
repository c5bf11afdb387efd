//! A value that stays while somebody has it.

use std::sync::Arc;

use crate::json::{Document, Node};
use crate::send::clock::Arrival;

/// A value that keeps its document alive, and knows when it came.
#[derive(Debug, Clone)]
pub struct Json {
    doc: Arc<Document>,
    index: u32,
    /// When the text arrived.
    pub arrival: Arrival,
}

impl Json {
    /// Holds the outermost value of a document.
    pub fn new(doc: Document, arrival: Arrival) -> Self {
        Self { doc: Arc::new(doc), index: 0, arrival }
    }

    /// The value.
    pub fn node(&self) -> Node<'_> {
        self.doc.node(self.index)
    }

    /// The value of that [`Node::index`].
    pub fn node_at(&self, index: u32) -> Node<'_> {
        self.doc.node(index)
    }

    /// Another value of the same document.
    #[must_use]
    pub fn at(&self, node: Node<'_>) -> Self {
        Self { index: node.index(), ..self.clone() }
    }
}
