//! Lays a recorded nuScenes keyframe out as a set with its official tables:
//! `cargo run -p janus-datasets --example nuscenes_set -- KEYFRAME FOLDER`.

#[path = "../tests/nuscenes_set/mod.rs"]
mod nuscenes_set;

use std::path::Path;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [keyframe, folder] = arguments.as_slice() else {
        eprintln!("usage: nuscenes_set KEYFRAME FOLDER");
        std::process::exit(2);
    };
    nuscenes_set::Keyframe::recorded(Path::new(keyframe)).lay_out(Path::new(folder));
}
