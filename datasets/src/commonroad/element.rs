//! Elements of a file, which know where they are.

use roxmltree::{Document, Node};

/// No coordinate, speed or length is greater, in its unit.
const LARGEST: f64 = 1e6;

/// What is wrong with a file.
#[derive(Debug)]
pub(super) struct Wrong {
    /// The element.
    pub(super) field: String,
    /// What should have been there.
    pub(super) expected: String,
}

/// An element, and how errors name it.
#[derive(Clone)]
pub(super) struct Element<'a, 'b> {
    node: Node<'a, 'b>,
    /// Of the elements around it, the nearest that has an identifier.
    within: Option<(&'a str, &'a str)>,
}

impl<'a, 'b> Element<'a, 'b> {
    /// The outermost element.
    pub(super) fn root(document: &'a Document<'b>, name: &str) -> Result<Self, Wrong> {
        let node = document.root_element();
        if node.has_tag_name(name) {
            return Ok(Self { node, within: None });
        }
        Err(Wrong {
            field: node.tag_name().name().into(),
            expected: format!("an element {name}"),
        })
    }

    fn inside(&self, node: Node<'a, 'b>) -> Self {
        let own = node.attribute("id").map(|id| (node.tag_name().name(), id));
        Self {
            node,
            within: own.or(self.within),
        }
    }

    pub(super) fn name(&self) -> &'a str {
        self.node.tag_name().name()
    }

    /// The elements directly within it.
    pub(super) fn all(&self) -> impl Iterator<Item = Self> + use<'a, 'b> {
        let this = self.clone();
        let elements = self.node.children().filter(|child| child.is_element());
        elements.map(move |child| this.inside(child))
    }

    /// Those of them that have a name.
    pub(super) fn children<'n>(
        &self,
        name: &'n str,
    ) -> impl Iterator<Item = Self> + use<'a, 'b, 'n> {
        self.all().filter(move |child| child.name() == name)
    }

    /// The first of them.
    pub(super) fn child(&self, name: &str) -> Option<Self> {
        self.children(name).next()
    }

    /// The one that must be there.
    pub(super) fn needed(&self, name: &str) -> Result<Self, Wrong> {
        let article = if name.starts_with(['a', 'e', 'i', 'o']) {
            "an"
        } else {
            "a"
        };
        self.child(name)
            .ok_or_else(|| self.wrong(name, &format!("{article} {name} there")))
    }

    /// What is wrong with a part of it, `""` for itself.
    pub(super) fn wrong(&self, part: &str, expected: &str) -> Wrong {
        let mut field = String::new();
        if let Some((name, id)) = self.within {
            // A name may be as long as its file.
            let id: String = id.chars().take(40).collect();
            field = format!("{name} {id}: ");
        }
        let own = self.name();
        if self.within.is_none_or(|(name, _)| name != own) {
            field.push_str(own);
            field.push_str(if part.is_empty() { "" } else { "/" });
        }
        field.push_str(part);
        Wrong {
            field,
            expected: expected.into(),
        }
    }

    pub(super) fn attribute(&self, name: &str) -> Result<&'a str, Wrong> {
        self.node
            .attribute(name)
            .ok_or_else(|| self.wrong(name, "an attribute of this name"))
    }

    /// A number in an attribute that names something.
    pub(super) fn reference(&self, name: &str) -> Result<u64, Wrong> {
        let number = self.attribute(name)?.trim().parse();
        number.map_err(|_| self.wrong(name, "a whole number, not negative"))
    }

    pub(super) fn text(&self) -> &'a str {
        self.node.text().unwrap_or_default().trim()
    }

    /// The number that it holds.
    pub(super) fn number(&self) -> Result<f64, Wrong> {
        let number = self.text().parse().ok();
        let number = number.filter(|number: &f64| number.abs() <= LARGEST);
        number.ok_or_else(|| self.wrong("", &format!("a number of at most {LARGEST}")))
    }

    /// A number above zero.
    pub(super) fn size(&self, name: &str) -> Result<f64, Wrong> {
        let size = self.needed(name)?;
        let number = size.number()?;
        if number > 0.0 {
            return Ok(number);
        }
        Err(size.wrong("", "a number above zero"))
    }

    /// The coordinates x, y and, if it has any, z.
    pub(super) fn point(&self) -> Result<[f64; 3], Wrong> {
        let [x, y] = [self.needed("x")?.number()?, self.needed("y")?.number()?];
        let z = self.child("z").map(|z| z.number()).transpose()?;
        Ok([x, y, z.unwrap_or(0.0)])
    }

    /// The points directly within it.
    pub(super) fn points(&self) -> Result<Vec<[f64; 3]>, Wrong> {
        self.children("point").map(|point| point.point()).collect()
    }
}
