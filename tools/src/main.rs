//! Janus: a recorded drive through a whole autonomy stack, every stage shown
//! and timed.

mod catalogue;
mod cli;
mod coco;
mod commands;
mod config;
mod drawing;
mod export;
mod kitti;
mod model;
mod pipeline;
mod problem;
mod progress;
mod queries;
mod record;
mod replan;
mod report;
mod run;
mod stages;

use std::process::ExitCode;

use clap::Parser;
use cli::{Cli, Command};
use tracing_subscriber::EnvFilter;

/// How a command ended, when it did not fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    /// Nothing was lost.
    Clean,
    /// It finished, with data lost or degraded; every loss was counted.
    Degraded,
}

fn main() -> ExitCode {
    tracing_subscriber::fmt()
        .with_env_filter(
            // What the graphics layer meets while it looks for adapters is no
            // fault of the user's.
            EnvFilter::try_from_default_env().unwrap_or_else(|_| "error,wgpu_hal=off".into()),
        )
        .with_writer(std::io::stderr)
        .init();
    let ended = match Cli::parse().command {
        Command::Demo(args) => commands::demo::run(args),
        Command::Replay(args) => commands::replay::run(args),
        Command::Bench(args) => commands::bench::run(args),
        Command::Plan(args) => commands::plan::run(&args),
        Command::Primitives(args) => commands::primitives::run(&args),
        Command::Info(args) => commands::info::run(&args),
        Command::Eval(args) => commands::eval::run(&args),
        Command::Convert(args) => commands::convert::run(&args),
        Command::Synth(args) => commands::convert::synth(&args),
        Command::Models(args) => commands::models::run(&args),
        Command::Devices(args) => commands::devices::run(&args),
    };
    match ended {
        Ok(Outcome::Clean) => ExitCode::SUCCESS,
        Ok(Outcome::Degraded) => ExitCode::from(3),
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
