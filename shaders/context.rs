//! The GPU: which adapters there are, which one to take, and what went wrong.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use wgpu::{Backends, Buffer, BufferUsages, DeviceType};

/// How long a submission may take before the device counts as hung.
const TIMEOUT: Duration = Duration::from_secs(20);

/// How long to sleep between two looks at a software driver.
const NAP: Duration = Duration::from_micros(100);

/// Which device is to run the kernels.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DeviceChoice {
    /// A discrete GPU, else an integrated or virtual one, else the CPU twins.
    Auto,
    /// The CPU twins.
    Cpu,
    /// The first adapter whose backend, name or driver hold every word of
    /// this, whatever the case.
    Named(String),
}

/// What the system tells of an adapter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AdapterSummary {
    /// The adapter's name.
    pub name: String,
    /// The graphics API through which it is used.
    pub backend: String,
    /// `discrete`, `integrated`, `virtual`, `software` or `other`.
    pub kind: &'static str,
    /// The driver and its version.
    pub driver: String,
}

/// Why a device cannot be used, or what it could not do.
#[derive(Debug, thiserror::Error)]
pub enum GpuError {
    /// No adapter has the name that was asked for.
    #[error("device `{name}`: no such adapter; there are: {}", list(found))]
    NoSuchDevice {
        /// What was asked for.
        name: String,
        /// The adapters that there are.
        found: Vec<AdapterSummary>,
    },
    /// The adapter gives no device.
    #[error("device `{name}`: cannot be opened: {reason}")]
    Refused {
        /// The adapter.
        name: String,
        /// What the driver said.
        reason: String,
    },
    /// A buffer is larger than the device can hold.
    #[error(
        "device `{name}`: {what} takes {bytes} bytes in one buffer, and the device holds at most \
         {most}"
    )]
    TooLarge {
        /// The adapter.
        name: String,
        /// What asks for it.
        what: &'static str,
        /// Bytes that it takes.
        bytes: u64,
        /// Bytes that the device holds.
        most: u64,
    },
    /// The device was lost, ran out of memory or refused a command.
    #[error("device `{name}`: {reason}")]
    Failed {
        /// The adapter.
        name: String,
        /// What the driver said.
        reason: String,
    },
}

fn list(adapters: &[AdapterSummary]) -> String {
    let names: Vec<_> = adapters
        .iter()
        .map(|a| format!("{} ({})", a.name, a.backend))
        .collect();
    if names.is_empty() {
        "none".into()
    } else {
        names.join(", ")
    }
}

/// An open device.
#[derive(Debug)]
pub struct Context {
    /// The device.
    pub device: wgpu::Device,
    /// Its queue.
    pub queue: wgpu::Queue,
    /// The adapter.
    pub adapter: AdapterSummary,
    fault: Arc<Mutex<Option<String>>>,
}

/// The adapters of this machine, in the drivers' order.
pub fn adapters() -> Vec<AdapterSummary> {
    enumerate(Backends::all()).iter().map(summary).collect()
}

/// The adapter that [`DeviceChoice::Auto`] takes; `None` stands for the CPU.
pub fn automatic() -> Option<AdapterSummary> {
    best(&enumerate(Backends::PRIMARY)).map(summary)
}

impl Context {
    /// Opens the device that `choice` names; `None` stands for the CPU twins.
    ///
    /// # Errors
    /// [`GpuError`] if a named adapter is not there, or the chosen one gives
    /// no device.
    pub fn open(choice: &DeviceChoice) -> Result<Option<Self>, GpuError> {
        let adapters = match choice {
            DeviceChoice::Cpu => return Ok(None),
            DeviceChoice::Auto => enumerate(Backends::PRIMARY),
            DeviceChoice::Named(_) => enumerate(Backends::all()),
        };
        let adapter = match choice {
            DeviceChoice::Named(name) => adapters
                .iter()
                .find(|adapter| answers_to(&summary(adapter), name))
                .ok_or_else(|| GpuError::NoSuchDevice {
                    name: name.clone(),
                    found: adapters.iter().map(summary).collect(),
                })?,
            _ => match best(&adapters) {
                Some(adapter) => adapter,
                None => return Ok(None),
            },
        };
        Self::request(adapter).map(Some)
    }

    fn request(adapter: &wgpu::Adapter) -> Result<Self, GpuError> {
        let summary = summary(adapter);
        let request = adapter.request_device(&wgpu::DeviceDescriptor {
            label: Some("janus"),
            // The only feature beyond WebGPU's core: it times, it computes nothing.
            required_features: adapter.features() & wgpu::Features::TIMESTAMP_QUERY,
            required_limits: wgpu::Limits::default(),
            ..Default::default()
        });
        let (device, queue) = pollster::block_on(request).map_err(|error| GpuError::Refused {
            name: summary.name.clone(),
            reason: error.to_string(),
        })?;
        let fault = Arc::new(Mutex::new(None));
        let note = |fault: &Arc<Mutex<Option<String>>>| {
            let fault = Arc::clone(fault);
            move |reason: String| {
                let mut first = fault.lock().unwrap_or_else(PoisonError::into_inner);
                first.get_or_insert(reason);
            }
        };
        let uncaptured = note(&fault);
        device.on_uncaptured_error(Arc::new(move |error| uncaptured(error.to_string())));
        let lost = note(&fault);
        device.set_device_lost_callback(move |reason, message| {
            // A device that is dropped tells so here, too; nobody asks then.
            let message = message.trim_end_matches(['.', ' ']);
            let colon = if message.is_empty() { "" } else { ": " };
            lost(format!("device lost ({reason:?}){colon}{message}"));
        });
        Ok(Self {
            device,
            queue,
            adapter: summary,
            fault,
        })
    }

    /// The first thing that went wrong on this device.
    ///
    /// # Errors
    /// [`GpuError::Failed`] once something did; no result of the device can be
    /// trusted from then on.
    pub fn check(&self) -> Result<(), GpuError> {
        let fault = self.fault.lock().unwrap_or_else(PoisonError::into_inner);
        match fault.as_ref() {
            None => Ok(()),
            Some(reason) => Err(self.failed(reason.clone())),
        }
    }

    fn failed(&self, reason: String) -> GpuError {
        GpuError::Failed {
            name: self.adapter.name.clone(),
            reason,
        }
    }

    /// Whether a storage buffer of so many bytes can be had; `what` is the
    /// setting that asks for it.
    ///
    /// # Errors
    /// [`GpuError::TooLarge`] if it cannot.
    pub fn fits(&self, what: &'static str, bytes: u64) -> Result<(), GpuError> {
        let limits = self.device.limits();
        let most = limits
            .max_buffer_size
            .min(limits.max_storage_buffer_binding_size);
        if bytes <= most {
            return Ok(());
        }
        Err(GpuError::TooLarge {
            name: self.adapter.name.clone(),
            what,
            bytes,
            most,
        })
    }

    /// Whether the device tells when a pass begins and ends.
    pub fn has_clock(&self) -> bool {
        let features = self.device.features();
        features.contains(wgpu::Features::TIMESTAMP_QUERY)
    }

    /// A buffer of at least four bytes, zeroed.
    pub fn buffer(&self, label: &str, bytes: u64, usage: BufferUsages) -> Buffer {
        self.device.create_buffer(&wgpu::BufferDescriptor {
            label: Some(label),
            size: bytes.next_multiple_of(4).max(4),
            usage: usage | BufferUsages::COPY_DST,
            mapped_at_creation: false,
        })
    }

    /// Waits for everything submitted.
    ///
    /// # Errors
    /// [`GpuError::Failed`] if the device failed before or meanwhile.
    pub fn wait(&self) -> Result<(), GpuError> {
        let poll = |how| {
            let status = self.device.poll(how);
            status.map_err(|error| self.failed(error.to_string()))
        };
        // The threads of a software driver stay together on one core for as
        // long as nothing else wakes up: in the naps between looks they do
        // nearly twice as much as in one long wait.
        let start = Instant::now();
        while self.adapter.kind == "software"
            && start.elapsed() < TIMEOUT
            && !poll(wgpu::PollType::Poll)?.is_queue_empty()
        {
            std::thread::sleep(NAP);
        }
        poll(wgpu::PollType::Wait {
            submission_index: None,
            timeout: Some(TIMEOUT),
        })?;
        self.check()
    }

    /// Waits for everything submitted, and reads the first `bytes` bytes of
    /// `staging`.
    ///
    /// # Errors
    /// [`GpuError::Failed`] if the device failed before or meanwhile.
    pub fn read_back<T>(
        &self,
        staging: &Buffer,
        bytes: u64,
        read: impl FnOnce(&[u8]) -> T,
    ) -> Result<T, GpuError> {
        let (sender, receiver) = std::sync::mpsc::channel();
        staging.map_async(wgpu::MapMode::Read, ..bytes, move |mapped| {
            // The receiver outlives this callback unless the wait failed.
            let _ = sender.send(mapped);
        });
        self.wait()?;
        // Another thread's poll may have taken this readback's callback along
        // and be about to call it.
        match receiver.recv_timeout(TIMEOUT) {
            Ok(Ok(())) => {}
            Ok(Err(error)) => return Err(self.failed(error.to_string())),
            Err(_) => return Err(self.failed("a readback was never mapped".into())),
        }
        let view = staging
            .get_mapped_range(..bytes)
            .map_err(|error| self.failed(error.to_string()))?;
        let result = read(&view);
        drop(view);
        staging.unmap();
        Ok(result)
    }
}

/// Vulkan, Metal and DirectX 12 come before OpenGL. OpenGL is looked at only
/// where it may be meant: its libraries are slow to load and write to stderr.
fn enumerate(backends: Backends) -> Vec<wgpu::Adapter> {
    let instance = wgpu::Instance::new(wgpu::InstanceDescriptor {
        backends,
        ..wgpu::InstanceDescriptor::new_without_display_handle()
    });
    pollster::block_on(instance.enumerate_adapters(backends))
}

fn best(adapters: &[wgpu::Adapter]) -> Option<&wgpu::Adapter> {
    let kind = |wanted| adapters.iter().find(|a| a.get_info().device_type == wanted);
    kind(DeviceType::DiscreteGpu)
        .or_else(|| kind(DeviceType::IntegratedGpu))
        .or_else(|| kind(DeviceType::VirtualGpu))
}

fn summary(adapter: &wgpu::Adapter) -> AdapterSummary {
    let info = adapter.get_info();
    AdapterSummary {
        name: info.name,
        backend: info.backend.to_string(),
        kind: match info.device_type {
            DeviceType::DiscreteGpu => "discrete",
            DeviceType::IntegratedGpu => "integrated",
            DeviceType::VirtualGpu => "virtual",
            DeviceType::Cpu => "software",
            DeviceType::Other => "other",
        },
        driver: format!("{} {}", info.driver, info.driver_info)
            .trim()
            .to_owned(),
    }
}

fn answers_to(adapter: &AdapterSummary, name: &str) -> bool {
    let text = format!("{} {} {}", adapter.backend, adapter.name, adapter.driver).to_lowercase();
    let mut words = name.split_whitespace().peekable();
    words.peek().is_some() && words.all(|word| text.contains(&word.to_lowercase()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn adapters_answer_to_words_of_their_name() {
        let adapter = AdapterSummary {
            name: "NVIDIA GeForce RTX 4090".into(),
            backend: "vulkan".into(),
            kind: "discrete",
            driver: "NVIDIA 560.1".into(),
        };
        for name in ["rtx", "RTX 4090", "vulkan 4090"] {
            assert!(answers_to(&adapter, name), "{name}");
        }
        for name in ["", " ", "radeon", "gl 4090"] {
            assert!(!answers_to(&adapter, name), "{name}");
        }
    }

    #[test]
    fn an_unknown_device_is_named_with_those_there_are() {
        let name = "no such gpu";
        let error = Context::open(&DeviceChoice::Named(name.into())).expect_err("must not open");
        let text = error.to_string();
        assert!(
            text.starts_with("device `no such gpu`: no such adapter"),
            "{text}"
        );
    }

    #[test]
    fn the_cpu_needs_no_device() {
        assert!(matches!(Context::open(&DeviceChoice::Cpu), Ok(None)));
    }
}
