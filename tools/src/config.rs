//! Everything that can be set, as one TOML file.

use std::path::Path;

use anyhow::{Context as _, Result};
use janus_perception::detect::DetectorOptions;
use janus_perception::{LidarConfig, ObjectsConfig};
use janus_planning::PlannerConfig;
use serde::{Deserialize, Serialize};

/// The settings of a run; what a file leaves out keeps its default.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Config {
    pub(crate) detect: DetectorOptions,
    pub(crate) lidar: LidarConfig,
    pub(crate) objects: ObjectsConfig,
    pub(crate) planner: PlannerConfig,
}

impl Config {
    /// Reads a file; without one, everything keeps its default.
    pub(crate) fn load(path: Option<&Path>) -> Result<Self> {
        let Some(path) = path else {
            return Ok(Self::default());
        };
        let name = path.display();
        let text = std::fs::read_to_string(path).with_context(|| format!("{name}"))?;
        let config: Self = toml::from_str(&text).with_context(|| format!("{name}"))?;
        config.detect.check().with_context(|| format!("{name}"))?;
        config.lidar.check().with_context(|| format!("{name}"))?;
        config.objects.check().with_context(|| format!("{name}"))?;
        config
            .planner
            .validate()
            .with_context(|| format!("{name}: planner"))?;
        Ok(config)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shipped_file_has_every_default() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("configs/default.toml");
        Config::load(Some(&path)).expect("valid");
        let text = std::fs::read_to_string(path).expect("read");
        let shipped: toml::Table = toml::from_str(&text).expect("TOML");
        let mut defaults = toml::Table::try_from(Config::default()).expect("TOML");
        // Half of what the machine has, so no file can state it.
        let detect = defaults["detect"].as_table_mut().expect("a table");
        assert!(detect.remove("threads").is_some());
        detect["score_threshold"] = 0.3.into();
        detect["nms_threshold"] = 0.45.into();
        assert_eq!(shipped, defaults);
    }

    #[test]
    fn a_fault_names_the_file_and_the_field() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("janus.toml");
        for (text, field) in [
            ("[detect]\nthreads = 0", "threads"),
            ("[lidar]\nrange = 3", "range"),
            ("[lidar.grid]\ncell_m = -1.0", "lidar.grid.cell_m"),
            ("[objects]\ngate = 0.0", "objects.gate"),
            ("[planner]\nheadings = 17", "headings"),
            ("lidar = 3", "lidar"),
        ] {
            std::fs::write(&path, text).expect("written");
            let error = format!("{:#}", Config::load(Some(&path)).expect_err(text));
            assert!(
                error.contains("janus.toml") && error.contains(field),
                "{error}"
            );
        }
    }
}
