//! `janus devices`

use anyhow::Result;
use janus_perception::detect::{Inference, Runtime};
use janus_shaders::{AdapterSummary, context};
use serde::Serialize;

use crate::Outcome;
use crate::cli::Devices;

#[derive(Serialize)]
struct Found {
    adapters: Vec<Adapter>,
    /// The device that `--device auto` takes.
    auto: String,
    inference: Library,
}

#[derive(Serialize)]
struct Adapter {
    name: String,
    backend: String,
    kind: &'static str,
    driver: String,
}

#[derive(Serialize)]
struct Library {
    runtime: String,
    path: Option<String>,
    providers: Vec<&'static str>,
}

impl From<AdapterSummary> for Adapter {
    fn from(adapter: AdapterSummary) -> Self {
        let AdapterSummary {
            name,
            backend,
            kind,
            driver,
        } = adapter;
        Self {
            name,
            backend,
            kind,
            driver,
        }
    }
}

pub(crate) fn run(args: &Devices) -> Result<Outcome> {
    let runtime = Runtime::start(Inference::Auto)?;
    let found = Found {
        adapters: context::adapters().into_iter().map(Adapter::from).collect(),
        auto: context::automatic().map_or("cpu".into(), |adapter| adapter.name),
        inference: Library {
            runtime: runtime.to_string(),
            path: runtime.library().map(|path| path.display().to_string()),
            providers: runtime.providers(),
        },
    };
    if args.json {
        println!("{}", serde_json::to_string_pretty(&found)?);
        return Ok(Outcome::Clean);
    }
    println!("adapters");
    for adapter in &found.adapters {
        println!(
            "  {} ({}, {}) {}",
            adapter.name, adapter.kind, adapter.backend, adapter.driver
        );
    }
    println!("  cpu (the kernels' twins)");
    println!("--device auto takes: {}", found.auto);
    println!();
    let library = &found.inference;
    println!("inference  {}", library.runtime);
    println!(
        "library    {}",
        library.path.as_deref().unwrap_or("none: embedded")
    );
    println!("providers  {}", library.providers.join(", "));
    Ok(Outcome::Clean)
}
