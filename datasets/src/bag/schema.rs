//! Message definitions in the text form that ROS 2 logs embed (`ros2msg`):
//! the fields of a type, one a line, followed by a section for each type that
//! it uses. <https://mcap.dev/spec/registry#ros2msg>

use std::collections::HashMap;

use super::fault::{Decoded, Fault};
use super::number::Number;

/// The types that are read here, for logs that do not embed their own.
const STANDARD: &str = include_str!("standard.msg");

/// The longest definition that is read, bytes; those of ROS have some 10 kB.
const LONGEST: usize = 1 << 20;
/// How deep types may hold types; those of ROS stay below ten.
pub(super) const DEEPEST: usize = 24;

/// A message type with all that it is made of.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Schema {
    /// The type itself, and then those that it uses.
    pub(super) types: Vec<Vec<Field>>,
}

/// One field of a type.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Field {
    pub(super) name: String,
    pub(super) of: Of,
    pub(super) many: Many,
}

/// What a field holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Of {
    Number(Number),
    Text,
    /// Index into [`Schema::types`].
    Type(usize),
}

/// How much of it a field holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Many {
    One,
    Exactly(usize),
    /// As many as the message says, whether the definition bounds that or not.
    Any,
}

impl Schema {
    /// The schema of the type `name` (`sensor_msgs/msg/Image`) by its
    /// definition.
    pub(super) fn parse(name: &str, text: &str) -> Decoded<Self> {
        if text.len() > LONGEST {
            let expected = format!("a definition of at most {LONGEST} bytes");
            return Err(Fault::new(name, expected));
        }
        let mut sections = sections(STANDARD);
        let own = text.split_once("\n=====").map_or(text, |(own, _)| own);
        sections.extend(self::sections(text));
        sections.insert(short(name), own);
        let mut resolver = Resolver {
            sections,
            indices: HashMap::new(),
            types: Vec::new(),
            depth: 0,
        };
        resolver.resolve(&short(name), "")?;
        Ok(Self {
            types: resolver.types,
        })
    }

    /// The schema of a type that ROS 2 defines.
    pub(super) fn standard(name: &str) -> Decoded<Self> {
        match sections(STANDARD).get(&short(name)) {
            Some(text) => Self::parse(name, text),
            None => Err(Fault::new(name, "a definition, which the log lacks")),
        }
    }
}

/// `sensor_msgs/Image`, however the type is written.
pub(super) fn short(name: &str) -> String {
    name.replace("/msg/", "/")
}

/// The sections of a definition by type: each follows a line of equals signs
/// and a line `MSG: type`.
fn sections(text: &str) -> HashMap<String, &str> {
    let parts = text.split("\n=====").filter_map(|part| {
        let part = part.trim_start_matches('=').trim_start();
        let (name, fields) = part.strip_prefix("MSG:")?.split_once('\n')?;
        Some((short(name.trim()), fields))
    });
    parts.collect()
}

struct Resolver<'a> {
    sections: HashMap<String, &'a str>,
    indices: HashMap<String, usize>,
    types: Vec<Vec<Field>>,
    /// How many types hold the one that is resolved.
    depth: usize,
}

impl Resolver<'_> {
    /// The index of a type that is used in the package `package`.
    fn resolve(&mut self, name: &str, package: &str) -> Decoded<usize> {
        let name = short(name);
        let beside = format!("{package}/{name}");
        let full = match name.as_str() {
            "Header" => "std_msgs/Header".into(),
            _ if self.sections.contains_key(&name) => name,
            _ => beside,
        };
        if let Some(&index) = self.indices.get(&full) {
            return Ok(index);
        }
        let Some(text) = self.sections.get(&full).copied() else {
            return Err(Fault::new(full, "a definition of this type in the schema"));
        };
        if self.depth > DEEPEST {
            let expected = format!("types within types to a depth of {DEEPEST}");
            return Err(Fault::new(full, expected));
        }
        let index = self.types.len();
        self.indices.insert(full.clone(), index);
        self.types.push(Vec::new());
        let package = full.split_once('/').map_or("", |(package, _)| package);
        let mut fields = Vec::new();
        self.depth += 1;
        for line in text.lines() {
            fields.extend(self.field(line, package)?);
        }
        self.depth -= 1;
        self.types[index] = fields;
        Ok(index)
    }

    /// The field of a line, if it has one and not a constant or a remark.
    fn field(&mut self, line: &str, package: &str) -> Decoded<Option<Field>> {
        let line = line.split('#').next().unwrap_or_default();
        let mut words = line.split_whitespace();
        let Some(kind) = words.next().filter(|word| !word.starts_with("==")) else {
            return Ok(None);
        };
        let name = words
            .next()
            .ok_or_else(|| Fault::new(line.trim(), "a type and a name in the schema"))?;
        let constant = name.contains('=') || words.next().is_some_and(|word| word.starts_with('='));
        if constant {
            return Ok(None);
        }
        let (base, many) = match kind.split_once('[') {
            None => (kind, Many::One),
            Some((base, count)) => {
                let count = count.trim_end_matches(']');
                let many = if count.is_empty() || count.starts_with("<=") {
                    Many::Any
                } else {
                    Many::Exactly(count.parse().map_err(|_| {
                        Fault::new(kind, "a whole number between the brackets of the schema")
                    })?)
                };
                (base, many)
            }
        };
        let of = match base.split("<=").next().unwrap_or_default() {
            "bool" | "byte" | "char" | "uint8" => Of::Number(Number::U8),
            "int8" => Of::Number(Number::I8),
            "uint16" => Of::Number(Number::U16),
            "int16" => Of::Number(Number::I16),
            "uint32" => Of::Number(Number::U32),
            "int32" => Of::Number(Number::I32),
            "uint64" => Of::Number(Number::U64),
            "int64" => Of::Number(Number::I64),
            "float32" => Of::Number(Number::F32),
            "float64" => Of::Number(Number::F64),
            "string" => Of::Text,
            other => Of::Type(self.resolve(other, package)?),
        };
        Ok(Some(Field {
            name: name.into(),
            of,
            many,
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn names(schema: &Schema) -> Vec<&str> {
        schema.types[0].iter().map(|f| f.name.as_str()).collect()
    }

    #[test]
    fn fields_are_read_and_constants_are_not() {
        let text = "# A remark\nstd_msgs/Header header\nuint8 KIND=1\nint32 OTHER = 2 # and why\n\
             float64[9] k\nstring<=8[] words \"none\"\nPart[<=3] parts # here\n\n\
             ================================================================================\n\
             MSG: mine/Part\nfloat32 a 0.5\nbyte[] b\n";
        let schema = Schema::parse("mine/msg/Whole", text).expect("is right");
        assert_eq!(names(&schema), ["header", "k", "words", "parts"]);
        let fields = &schema.types[0];
        assert_eq!(
            (fields[1].of, fields[1].many),
            (Of::Number(Number::F64), Many::Exactly(9))
        );
        assert_eq!((fields[2].of, fields[2].many), (Of::Text, Many::Any));
        let Of::Type(part) = fields[3].of else {
            panic!("a part")
        };
        let expected = [
            ("a", Of::Number(Number::F32)),
            ("b", Of::Number(Number::U8)),
        ];
        let found: Vec<_> = schema.types[part]
            .iter()
            .map(|f| (f.name.as_str(), f.of))
            .collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn every_standard_type_is_whole() {
        let names: Vec<String> = sections(STANDARD).into_keys().collect();
        assert!(names.len() > 15, "{names:?}");
        for name in names {
            let schema = Schema::standard(&name).expect("is whole");
            assert!(
                schema.types.iter().all(|fields| !fields.is_empty()),
                "{name}"
            );
        }
        assert!(Schema::standard("sensor_msgs/msg/LaserScan").is_err());
    }

    #[test]
    fn a_type_that_is_not_defined_is_named() {
        let fault = Schema::parse("a/B", "c/D d").expect_err("is not there");
        assert_eq!(fault.field, "a/c/D");
        let schema = Schema::parse("a/B", "B b").expect("may name itself");
        assert_eq!(schema.types[0][0].of, Of::Type(0));
        assert!(Schema::parse("a/B", "int32").is_err());
        assert!(Schema::parse("a/B", "int32[x] y").is_err());
    }

    /// Each type needs a few words to name the next, and a part of the stack.
    #[test]
    fn types_within_types_have_an_end() {
        let nested = |count: usize| -> String {
            let section = |nth| format!("\n=====\nMSG: a/T{nth}\nT{} x", nth + 1);
            let end = format!("\n=====\nMSG: a/T{count}\nint8 x");
            (0..count).map(section).chain([end]).collect()
        };
        let parse = |count| Schema::parse("a/B", &format!("T0 x{}", nested(count)));
        assert_eq!(parse(20).expect("is right").types.len(), 22);
        let fault = parse(30_000).expect_err("is too deep");
        assert_eq!(fault.expected, "types within types to a depth of 24");
    }

    proptest! {
        #[test]
        fn any_text_is_a_schema_or_a_fault(text in "(int32 |B |[a-z]{1,3}|\\[|\\]|<=|=|\n|\n=====\nMSG: |\\PC){0,60}") {
            let _ = Schema::parse("a/B", &text);
        }
    }
}
