//! Every dependency may be used under a licence that `deny.toml` allows.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

/// One package and its licence, as an SPDX expression.
struct Package {
    name: String,
    licence: String,
}

#[test]
fn every_dependency_has_an_allowed_licence() {
    let allowed = allowed_licences();
    let refused: Vec<_> = packages()
        .iter()
        .filter_map(|package| match satisfied(&package.licence, &allowed) {
            Ok(true) => None,
            Ok(false) => Some(format!("{}: {}", package.name, package.licence)),
            Err(reason) => Some(format!("{}: {reason}", package.name)),
        })
        .collect();
    assert!(
        refused.is_empty(),
        "deny.toml does not allow:\n{}",
        refused.join("\n")
    );
}

#[test]
fn every_allowed_licence_is_needed() {
    let allowed = allowed_licences();
    let packages = packages();
    for licence in &allowed {
        let mut others = allowed.clone();
        others.remove(licence);
        let needed = packages
            .iter()
            .filter(|package| satisfied(&package.licence, &allowed) == Ok(true))
            .any(|package| satisfied(&package.licence, &others) == Ok(false));
        assert!(
            needed,
            "deny.toml allows {licence}, which nothing depends on"
        );
    }
}

fn allowed_licences() -> BTreeSet<String> {
    let path = workspace().join("deny.toml");
    let text = fs::read_to_string(path).expect("deny.toml is read");
    let table: toml::Table = text.parse().expect("deny.toml is TOML");
    table["licenses"]["allow"]
        .as_array()
        .expect("licenses.allow is a list")
        .iter()
        .map(|licence| licence.as_str().expect("a licence is a string").to_owned())
        .collect()
}

/// All packages of the lock file, for every platform.
fn packages() -> Vec<Package> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--locked"])
        .current_dir(workspace())
        .output()
        .expect("cargo runs");
    assert!(
        output.status.success(),
        "cargo metadata: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("metadata is JSON");
    metadata["packages"]
        .as_array()
        .expect("packages is a list")
        .iter()
        .map(|package| Package {
            name: format!("{} {}", package["name"], package["version"]).replace('"', ""),
            licence: package["license"].as_str().unwrap_or_default().to_owned(),
        })
        .collect()
}

fn workspace() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

/// Whether the licences `allowed` satisfy an SPDX licence expression, in which
/// `/` is the `OR` of old manifests. A licence with an exception is allowed
/// only where the list names both.
///
/// Source: SPDX specification 2.3, annex D.
fn satisfied(expression: &str, allowed: &BTreeSet<String>) -> Result<bool, String> {
    let spaced = expression
        .replace('(', " ( ")
        .replace(')', " ) ")
        .replace('/', " OR ");
    let mut parser = Parser {
        tokens: spaced.split_whitespace().collect(),
        next: 0,
        allowed,
    };
    let satisfied = parser.any_of()?;
    match parser.peek() {
        None => Ok(satisfied),
        Some(token) => Err(format!("unexpected «{token}» in «{expression}»")),
    }
}

/// By recursive descent, from the operator that binds weakest to the strongest.
struct Parser<'a> {
    tokens: Vec<&'a str>,
    next: usize,
    allowed: &'a BTreeSet<String>,
}

impl<'a> Parser<'a> {
    fn any_of(&mut self) -> Result<bool, String> {
        let mut satisfied = self.all_of()?;
        while self.take("OR") {
            satisfied |= self.all_of()?;
        }
        Ok(satisfied)
    }

    fn all_of(&mut self) -> Result<bool, String> {
        let mut satisfied = self.licence()?;
        while self.take("AND") {
            satisfied &= self.licence()?;
        }
        Ok(satisfied)
    }

    fn licence(&mut self) -> Result<bool, String> {
        if self.take("(") {
            let satisfied = self.any_of()?;
            return if self.take(")") {
                Ok(satisfied)
            } else {
                Err("a parenthesis is not closed".to_owned())
            };
        }
        let mut licence = self.identifier()?.to_owned();
        if self.take("WITH") {
            licence = format!("{licence} WITH {}", self.identifier()?);
        }
        Ok(self.allowed.contains(&licence))
    }

    fn identifier(&mut self) -> Result<&'a str, String> {
        match self.peek() {
            None | Some("(" | ")" | "AND" | "OR" | "WITH") => {
                Err("a licence is missing".to_owned())
            }
            Some(token) => {
                self.next += 1;
                Ok(token)
            }
        }
    }

    fn take(&mut self, token: &str) -> bool {
        let found = self.peek() == Some(token);
        self.next += usize::from(found);
        found
    }

    fn peek(&self) -> Option<&'a str> {
        self.tokens.get(self.next).copied()
    }
}

#[test]
fn expressions_follow_spdx() {
    let allowed =
        BTreeSet::from(["MIT", "ISC", "Apache-2.0 WITH LLVM-exception"].map(String::from));
    for (expression, expected) in [
        ("MIT", true),
        ("GPL-3.0-only", false),
        ("GPL-3.0-only OR MIT", true),
        ("GPL-3.0-only AND MIT", false),
        ("ISC AND MIT", true),
        // AND binds closer than OR.
        ("MIT OR ISC AND GPL-3.0-only", true),
        ("GPL-3.0-only AND ISC OR MIT", true),
        ("(MIT OR ISC) AND GPL-3.0-only", false),
        ("((MIT)) AND (GPL-3.0-only OR (ISC AND MIT))", true),
        ("GPL-3.0-only/MIT", true),
        ("Apache-2.0 / GPL-3.0-only", false),
        ("Apache-2.0 WITH LLVM-exception", true),
        ("Apache-2.0", false),
        ("MIT WITH LLVM-exception", false),
        ("MIT+", false),
    ] {
        assert_eq!(
            satisfied(expression, &allowed),
            Ok(expected),
            "{expression}"
        );
    }
    for broken in [
        "", "MIT OR", "AND MIT", "(MIT", "MIT)", "MIT ISC", "MIT WITH", "()",
    ] {
        assert!(satisfied(broken, &allowed).is_err(), "{broken}");
    }
}
