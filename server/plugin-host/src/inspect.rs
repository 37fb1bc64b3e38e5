//! What a file is, without compiling it.

use plugin_sdk::manifest::{MAX_BYTES, Manifest, Role, SECTION};
use wasmparser::{Parser, Payload, Validator, WasmFeatures};

use crate::{API_VERSION, Host, PluginError};

/// Largest accepted component in bytes.
pub const MAX_COMPONENT_BYTES: usize = 32 << 20;

/// Core modules inside one component; ours have three or four.
const MAX_PARTS: usize = 128;

/// Every feature that a component may use: what rustc emits, and plain components. No threads,
/// no garbage collection, no asynchronous components, no 64-bit memories.
pub(crate) const FEATURES: WasmFeatures = WasmFeatures::MUTABLE_GLOBAL
    .union(WasmFeatures::SATURATING_FLOAT_TO_INT)
    .union(WasmFeatures::SIGN_EXTENSION)
    .union(WasmFeatures::REFERENCE_TYPES)
    .union(WasmFeatures::CALL_INDIRECT_OVERLONG)
    .union(WasmFeatures::MULTI_VALUE)
    .union(WasmFeatures::BULK_MEMORY)
    .union(WasmFeatures::BULK_MEMORY_OPT)
    .union(WasmFeatures::SIMD)
    .union(WasmFeatures::EXTENDED_CONST)
    .union(WasmFeatures::FLOATS)
    .union(WasmFeatures::GC_TYPES)
    .union(WasmFeatures::COMPONENT_MODEL);

/// What a component says of itself and what it uses.
#[derive(Debug, Clone, PartialEq)]
pub struct Inspection {
    /// The manifest that it carries.
    pub manifest: Manifest,
    /// Its role; the matching interface is exported.
    pub role: Role,
    /// Names of all imports, sorted: the powers which the code can use at all.
    pub imports: Vec<String>,
    /// Names of all exports, sorted: what it can be asked.
    pub exports: Vec<String>,
    /// Version of the contract it was built against.
    pub api_version: String,
    /// BLAKE3 of the whole file, hexadecimal: its identity.
    pub digest: String,
    /// Bytes.
    pub size: usize,
}

impl Inspection {
    /// Whether an interface, such as `acker`, is exported.
    #[must_use]
    pub fn exports(&self, interface: &str) -> bool {
        self.exports
            .iter()
            .any(|e| interface_of(e) == Some(interface))
    }
}

impl Host {
    /// Looks at a file without running or compiling anything. Never panics, whatever the bytes.
    ///
    /// # Errors
    /// The first reason why this is no plugin for this host, each with its own variant.
    pub fn inspect(bytes: &[u8]) -> Result<Inspection, PluginError> {
        if bytes.len() > MAX_COMPONENT_BYTES {
            return Err(PluginError::TooLarge {
                size: bytes.len(),
                limit: MAX_COMPONENT_BYTES,
            });
        }
        if bytes.len() < 8 || !bytes.starts_with(b"\0asm") {
            return Err(PluginError::NotWasm);
        }
        if Parser::is_core_wasm(bytes) {
            return Err(PluginError::CoreModule);
        }
        if !Parser::is_component(bytes) {
            return Err(PluginError::NotWasm);
        }
        let found = Outline::read(bytes)?;
        // WASI is named before anything else: it is what authors get wrong most often.
        if let Some(import) = found
            .imports
            .iter()
            .find(|i| !i.starts_with("bihuan:plugin/"))
        {
            return Err(PluginError::ForbiddenImport {
                import: import.clone(),
            });
        }
        Validator::new_with_features(FEATURES)
            .validate_all(bytes)
            .map_err(malformed)?;
        let manifest = match found.manifests.as_slice() {
            [] => return Err(PluginError::NoManifest),
            [one] => {
                Manifest::from_json(one).map_err(|detail| PluginError::BadManifest { detail })?
            }
            _ => {
                return Err(PluginError::BadManifest {
                    detail: "there are several manifests".to_owned(),
                });
            }
        };
        let role = manifest.role;
        let mut api_version = None;
        for name in found.imports.iter().chain(&found.exports) {
            let Some((_, version)) = name.split_once('@') else {
                continue;
            };
            if !same_track(version, API_VERSION) {
                return Err(PluginError::Incompatible {
                    asked: version.to_owned(),
                    offered: API_VERSION.to_owned(),
                });
            }
            if interface_of(name).is_some_and(|i| role.exports().contains(&i))
                && found.exports.contains(name)
            {
                api_version = Some(version.to_owned());
            }
        }
        if let Some(import) = found
            .imports
            .iter()
            .find(|i| !known_imports(role).contains(&interface_of(i).unwrap_or("")))
        {
            return Err(PluginError::UnknownImport {
                import: import.clone(),
            });
        }
        let Some(api_version) = api_version else {
            let detail = format!(
                "the role {} needs the export bihuan:plugin/{}",
                role.as_str(),
                role.exports().join(" or ")
            );
            return Err(PluginError::Contract { detail });
        };
        let imports = |interface: &str| {
            found
                .imports
                .iter()
                .any(|i| interface_of(i) == Some(interface))
        };
        let asks = &manifest.asks;
        // What a component can use and does not ask for would be a surprise for whoever grants.
        for (interface, asked) in [
            ("files", asks.files.is_some()),
            ("http", !asks.hosts.is_empty()),
            ("secrets", !asks.secrets.is_empty()),
            ("imap", asks.imap.is_some()),
        ] {
            // `http` and `crypto` have handles of `secrets` in their types: importing one of them
            // imports `secrets` as well.
            let only_types = interface == "secrets" && (imports("http") || imports("crypto"));
            if imports(interface) && !asked && !only_types {
                let detail = format!(
                    "the component imports {interface}, and its manifest does not ask for {}",
                    if interface == "http" {
                        "hosts"
                    } else {
                        interface
                    }
                );
                return Err(PluginError::BadManifest { detail });
            }
        }
        if manifest.webhook.is_some()
            && !found
                .exports
                .iter()
                .any(|e| interface_of(e) == Some("webhook"))
        {
            let detail =
                "the manifest describes a webhook, and the component exports none".to_owned();
            return Err(PluginError::BadManifest { detail });
        }
        if manifest.webhook.is_none()
            && found
                .exports
                .iter()
                .any(|e| interface_of(e) == Some("webhook"))
        {
            let detail = "the component exports webhook, and the manifest does not say how a request is proved".to_owned();
            return Err(PluginError::BadManifest { detail });
        }
        Ok(Inspection {
            manifest,
            role,
            imports: found.imports,
            exports: found.exports,
            api_version,
            digest: blake3::hash(bytes).to_hex().to_string(),
            size: bytes.len(),
        })
    }
}

/// Interfaces that a role may import: those of its worlds.
fn known_imports(role: Role) -> &'static [&'static str] {
    match role {
        Role::Classifier => &[
            "types", "log", "config", "clock", "random", "metrics", "secrets", "crypto", "http",
        ],
        Role::KnowledgeBase => &[
            "types", "log", "config", "clock", "random", "metrics", "state", "secrets", "crypto",
            "http", "files",
        ],
        Role::Connector => &[
            "types",
            "connector-types",
            "log",
            "config",
            "clock",
            "random",
            "metrics",
            "state",
            "secrets",
            "crypto",
            "http",
            "imap",
        ],
        Role::Notifier => &[
            "types", "log", "config", "clock", "random", "metrics", "state", "secrets", "crypto",
            "http",
        ],
    }
}

/// `log` of `bihuan:plugin/log@1.0.0`.
fn interface_of(name: &str) -> Option<&str> {
    let rest = name.strip_prefix("bihuan:plugin/")?;
    Some(
        rest.split_once('@')
            .map_or(rest, |(interface, _)| interface),
    )
}

/// Below 1.0 a minor version is a track of its own; from 1.0 on the major version is.
fn same_track(a: &str, b: &str) -> bool {
    let track = |version: &str| {
        let mut parts = version.split(['.', '-', '+']).map(str::to_owned);
        let (major, minor) = (
            parts.next().unwrap_or_default(),
            parts.next().unwrap_or_default(),
        );
        if major == "0" {
            (major, minor)
        } else {
            (major, String::new())
        }
    };
    track(a) == track(b)
}

fn malformed(e: wasmparser::BinaryReaderError) -> PluginError {
    PluginError::Malformed {
        detail: e.to_string(),
    }
}

/// Names at the top level.
#[derive(Default)]
struct Outline {
    imports: Vec<String>,
    exports: Vec<String>,
    manifests: Vec<Vec<u8>>,
}

impl Outline {
    fn read(bytes: &[u8]) -> Result<Self, PluginError> {
        let mut outline = Self::default();
        let (mut depth, mut parts) = (0usize, 0usize);
        for payload in Parser::new(0).parse_all(bytes) {
            match payload.map_err(malformed)? {
                Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => {
                    depth += 1;
                    parts += 1;
                    if parts > MAX_PARTS {
                        return Err(PluginError::Malformed {
                            detail: format!("more than {MAX_PARTS} parts"),
                        });
                    }
                }
                Payload::End(_) => depth = depth.saturating_sub(1),
                Payload::ComponentImportSection(section) if depth == 0 => {
                    for import in section {
                        outline
                            .imports
                            .push(import.map_err(malformed)?.name.name.to_owned());
                    }
                }
                Payload::ComponentExportSection(section) if depth == 0 => {
                    for export in section {
                        outline
                            .exports
                            .push(export.map_err(malformed)?.name.name.to_owned());
                    }
                }
                Payload::CustomSection(section) if depth == 0 && section.name() == SECTION => {
                    if section.data().len() > MAX_BYTES {
                        let detail = format!("the manifest is larger than {MAX_BYTES} bytes");
                        return Err(PluginError::BadManifest { detail });
                    }
                    outline.manifests.push(section.data().to_vec());
                }
                _ => {}
            }
        }
        outline.imports.sort();
        outline.exports.sort();
        Ok(outline)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tracks_follow_semver() {
        assert!(same_track("0.1.0", "0.1.7") && same_track("1.0.0", "1.4.2"));
        assert!(
            !same_track("0.1.0", "0.2.0")
                && !same_track("1.0.0", "2.0.0")
                && !same_track("0.1.0", "1.1.0")
        );
    }
}
