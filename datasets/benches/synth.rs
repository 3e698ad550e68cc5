//! What the synthetic world costs: at 10 Hz a frame has 100 ms.

use criterion::{Criterion, criterion_group, criterion_main};
use janus_datasets::Log;
use janus_datasets::synth::{Drive, Scenario};

fn frames(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("synth");
    group.sample_size(20);
    for name in ["busy_street", "crossing", "dead_end_alley", "roundabout"] {
        let drive = Drive {
            scenario: Scenario::named(name).expect("is built in"),
            frames: None,
            seed: None,
        };
        let log = Log::synthetic(drive).expect("is right");
        group.bench_function(name, |bencher| {
            bencher.iter(|| log.frames(Some(60..61)).last());
        });
    }
}

criterion_group!(benches, frames);
criterion_main!(benches);
