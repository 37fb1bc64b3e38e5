//! Core module to component.

use plugin_sdk::manifest::{Manifest, SECTION};
use wasmparser::{Parser, Payload};

use crate::BuildError;

/// Turns a core module that carries wit-bindgen's sections into a validated component and puts
/// the manifest into it.
///
/// # Errors
/// [`BuildError::WasmBindgen`], [`BuildError::Wasi`] or [`BuildError::Encode`].
pub fn assemble(module: &[u8], manifest: &Manifest) -> Result<Vec<u8>, BuildError> {
    let encode = |e: &dyn std::fmt::Display| {
        let detail = format!("{e:#}");
        if detail.contains("__wbindgen") {
            BuildError::WasmBindgen
        } else {
            BuildError::Encode(detail)
        }
    };
    // Imports of a core module are seen before wit-component complains about them less clearly.
    for payload in Parser::new(0).parse_all(module) {
        if let Payload::ImportSection(section) = payload.map_err(|e| encode(&e))? {
            for import in section.into_imports() {
                let import = import.map_err(|e| encode(&e))?;
                if import.module.starts_with("__wbindgen") {
                    return Err(BuildError::WasmBindgen);
                }
                if import.module.starts_with("wasi") {
                    return Err(BuildError::Wasi(format!(
                        "{}::{}",
                        import.module, import.name
                    )));
                }
            }
        }
    }
    let mut component = wit_component::ComponentEncoder::default()
        .module(module)
        .map_err(|e| encode(&e))?
        .validate(true)
        .encode()
        .map_err(|e| encode(&e))?;
    append_custom_section(&mut component, SECTION, &manifest.to_json());
    imports(&component)?;
    Ok(component)
}

/// Names of the instances that a component imports.
///
/// # Errors
/// [`BuildError::Wasi`] when one is WASI; [`BuildError::Encode`] when it is no component.
pub fn imports(component: &[u8]) -> Result<Vec<String>, BuildError> {
    let mut names = Vec::new();
    let mut depth = 0usize;
    let wrong = |e: wasmparser::BinaryReaderError| BuildError::Encode(e.to_string());
    for payload in Parser::new(0).parse_all(component) {
        match payload.map_err(wrong)? {
            Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => depth += 1,
            Payload::End(_) => depth = depth.saturating_sub(1),
            Payload::ComponentImportSection(section) if depth == 0 => {
                for import in section {
                    let name = import.map_err(wrong)?.name.name.to_owned();
                    if name.starts_with("wasi:") {
                        return Err(BuildError::Wasi(name));
                    }
                    names.push(name);
                }
            }
            _ => {}
        }
    }
    Ok(names)
}

/// Custom sections may stand anywhere in a component; the end is simplest.
fn append_custom_section(component: &mut Vec<u8>, name: &str, data: &[u8]) {
    let mut body = Vec::with_capacity(name.len() + data.len() + 8);
    leb128(&mut body, name.len());
    body.extend_from_slice(name.as_bytes());
    body.extend_from_slice(data);
    component.push(0);
    leb128(component, body.len());
    component.extend_from_slice(&body);
}

/// Unsigned LEB128, the wasm form of a length.
fn leb128(out: &mut Vec<u8>, mut value: usize) {
    loop {
        let byte = (value & 0x7f) as u8;
        value >>= 7;
        if value == 0 {
            out.push(byte);
            return;
        }
        out.push(byte | 0x80);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wit_component::{StringEncoding, dummy_module, embed_component_metadata};
    use wit_parser::{ManglingAndAbi, Resolve};

    fn manifest() -> Manifest {
        Manifest::from_json(
            br#"{"name":"t","version":"1.0.0","role":"classifier","title":{"zh":"\u7532","en":"T"}}"#,
        )
        .unwrap()
    }

    fn module(resolve: &Resolve, world: wit_parser::WorldId) -> Vec<u8> {
        let mut module = dummy_module(resolve, world, ManglingAndAbi::Standard32);
        embed_component_metadata(&mut module, resolve, world, StringEncoding::UTF8, false).unwrap();
        module
    }

    fn contract() -> (Resolve, wit_parser::PackageId) {
        let mut resolve = Resolve::default();
        let (package, _) = resolve
            .push_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../../plugin-sdk/wit"))
            .unwrap();
        (resolve, package)
    }

    #[test]
    fn the_contract_has_the_version_that_the_sdk_says_and_a_world_for_every_role() {
        let (resolve, package) = contract();
        let name = &resolve.packages[package].name;
        assert_eq!(
            name.version.as_ref().unwrap().to_string(),
            plugin_sdk::API_VERSION
        );
        for role in [
            plugin_sdk::manifest::Role::Classifier,
            plugin_sdk::manifest::Role::KnowledgeBase,
            plugin_sdk::manifest::Role::Connector,
            plugin_sdk::manifest::Role::Notifier,
        ] {
            let world = resolve
                .select_world(&[package], Some(role.world()))
                .unwrap();
            let exported: Vec<String> = resolve.worlds[world]
                .exports
                .keys()
                .map(|k| resolve.name_world_key(k))
                .collect();
            for interface in role.exports() {
                let wanted = format!("bihuan:plugin/{interface}@{}", plugin_sdk::API_VERSION);
                assert!(exported.contains(&wanted), "{exported:?}");
            }
        }
    }

    #[test]
    fn a_component_carries_the_manifest_and_only_our_imports() {
        let (resolve, package) = contract();
        let world = resolve
            .select_world(&[package], Some("knowledge-publisher"))
            .unwrap();
        let component = assemble(&module(&resolve, world), &manifest()).unwrap();
        let imports = imports(&component).unwrap();
        assert!(
            imports.contains(&"bihuan:plugin/files@1.0.0".to_owned()),
            "{imports:?}"
        );
        assert!(
            imports.iter().all(|i| i.starts_with("bihuan:plugin/")),
            "{imports:?}"
        );
        let section = Parser::new(0)
            .parse_all(&component)
            .find_map(|p| match p.unwrap() {
                Payload::CustomSection(s) if s.name() == SECTION => Some(s.data().to_vec()),
                _ => None,
            });
        assert_eq!(Manifest::from_json(&section.unwrap()).unwrap(), manifest());
    }

    #[test]
    fn wasi_and_wasm_bindgen_are_refused_by_name() {
        let mut resolve = Resolve::default();
        let package = resolve
            .push_str(
                "t.wit",
                "package t:t; world w { import wasi:cli/environment@0.2.0; export run: func(); }
                 package wasi:cli@0.2.0 { interface environment { get: func() -> string; } }",
            )
            .unwrap();
        let world = resolve.select_world(&[package], Some("w")).unwrap();
        let refused = assemble(&module(&resolve, world), &manifest());
        assert!(
            matches!(&refused, Err(BuildError::Wasi(name)) if name.contains("wasi:cli/environment")),
            "{refused:?}"
        );

        let mut module = b"\0asm\x01\0\0\0".to_vec();
        // Type section: one function () -> (); import section: "__wbindgen_placeholder__"."f".
        module.extend([1, 4, 1, 0x60, 0, 0]);
        let name = b"__wbindgen_placeholder__";
        module.extend([2, (1 + 1 + name.len() + 2 + 2) as u8, 1, name.len() as u8]);
        module.extend(name);
        module.extend([1, b'f', 0, 0]);
        assert!(matches!(
            assemble(&module, &manifest()),
            Err(BuildError::WasmBindgen)
        ));
        assert!(matches!(
            assemble(b"no wasm", &manifest()),
            Err(BuildError::Encode(_))
        ));
    }

    #[test]
    fn lengths_are_written_as_wasm_wants_them() {
        for (value, bytes) in [
            (0, vec![0]),
            (127, vec![127]),
            (128, vec![0x80, 1]),
            (624_485, vec![0xe5, 0x8e, 0x26]),
        ] {
            let mut out = Vec::new();
            leb128(&mut out, value);
            assert_eq!(out, bytes);
        }
    }
}
