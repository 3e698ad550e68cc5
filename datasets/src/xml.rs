//! XML documents of bounded size.

use roxmltree::{Document, ParsingOptions};

/// Parses a text with at most so many tags and attributes: the parser sets
/// some 80 bytes of memory aside for each. A document type is read over if
/// `typed`, and else refused. Says what was expected if it is no document.
pub(crate) fn parse(text: &str, most: usize, typed: bool) -> Result<Document<'_>, String> {
    // A small file can name a large entity again and again.
    if text.contains("<!ENTITY") {
        return Err("a document without entities of its own".into());
    }
    if text.matches(['<', '=']).count() > most {
        return Err(format!("at most {most} tags and attributes"));
    }
    let options = ParsingOptions {
        allow_dtd: typed,
        ..Default::default()
    };
    Document::parse_with_options(text, options)
        .map_err(|error| format!("a whole document: {error}"))
}
