//! Compilation in a child process, its limits, and the cache of machine code.

use std::ffi::OsString;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use plugin_host::{
    CacheConfig, CompileLimits, Compiler, EngineKind, Host, HostConfig, Installation, PluginError,
};

use crate::guests::{
    bad_classifier, document, good_guest, interpreter, keyword_classifier, leb5, manifest,
    taxonomy, with_module,
};

/// The compiling child of these tests.
fn child() -> Compiler {
    Compiler::Child {
        program: env!("CARGO_BIN_EXE_plugin-compile").into(),
        args: vec!["plugin-compile".into()],
    }
}

/// A child that is no compiler.
fn other_child(program: &str, args: &[&str]) -> Compiler {
    Compiler::Child {
        program: program.into(),
        args: args.iter().map(OsString::from).collect(),
    }
}

fn host(compiler: Compiler, limits: CompileLimits, cache: Option<CacheConfig>) -> Host {
    Host::new(HostConfig {
        compiler,
        compile_limits: limits,
        cache,
        ..HostConfig::default()
    })
    .unwrap()
}

/// Loads a component and lets it answer.
async fn works(host: &Host, component: Vec<u8>) {
    let compiled = host.compile(component).await.unwrap();
    let classifier = host
        .classifier(&compiled, Installation::default(), &taxonomy())
        .await
        .unwrap();
    let answers = classifier
        .classify(vec![document(&["套餐"])])
        .await
        .unwrap();
    assert!(answers[0].is_ok());
}

async fn error(compiler: Compiler, limits: CompileLimits, component: Vec<u8>) -> PluginError {
    host(compiler, limits, None)
        .compile(component)
        .await
        .unwrap_err()
}

/// A component whose functions keep a compiler busy for seconds.
fn large() -> Vec<u8> {
    const FUNCTIONS: usize = 1500;
    let section = |id: u8, body: &[u8]| {
        let mut section = vec![id];
        section.extend(leb5(body.len()));
        section.extend(body);
        section
    };
    // (func (param i32) (result i32)): no locals, then many times
    // `i32.const … i32.xor local.get 0 i32.mul local.get 0 i32.load i32.add`.
    let mut body = vec![0, 0x20, 0];
    for step in 0..300u16 {
        let [low, high] = step.to_le_bytes();
        body.extend([0x41, low | 0x80, high << 1, 0x73, 0x20, 0, 0x6c]);
        body.extend([0x20, 0, 0x28, 2, 0, 0x6a]);
    }
    body.push(0x0b);
    let mut functions = leb5(FUNCTIONS).to_vec();
    functions.extend([0; FUNCTIONS]);
    let mut code = leb5(FUNCTIONS).to_vec();
    for _ in 0..FUNCTIONS {
        code.extend(leb5(body.len()));
        code.extend(&body);
    }
    let mut module = b"\0asm\x01\0\0\0".to_vec();
    module.extend(section(1, &[1, 0x60, 1, 0x7f, 1, 0x7f]));
    module.extend(section(3, &functions));
    module.extend(section(5, &[1, 0, 1]));
    module.extend(section(10, &code));
    // A module beside the contract: compiled, and never instantiated.
    with_module(good_guest(), &module)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_child_compiles_what_this_process_would() {
    let host = host(child(), CompileLimits::default(), None);
    works(&host, keyword_classifier().to_vec()).await;
    let compiled = host.compile(keyword_classifier().to_vec()).await.unwrap();
    assert_eq!(
        compiled.inspection(),
        &Host::inspect(keyword_classifier()).unwrap(),
        "the inspection comes from the child"
    );
    assert_eq!(compiled.inspection().engine, EngineKind::Rust);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_child_refuses_with_the_same_words() {
    let host = host(child(), CompileLimits::default(), None);
    let good = keyword_classifier();
    let wasi = wat::parse_str(r#"(component (import "wasi:cli/environment@0.2.0" (instance)))"#);
    let without_role = crate::guests::with_section(
        wat::parse_str("(component)").unwrap(),
        "bihuan:manifest",
        &manifest("classifier", "{}").to_json(),
    );
    for bytes in [
        Vec::new(),
        wat::parse_str("(module)").unwrap(),
        wat::parse_str("(component)").unwrap(),
        wasi.unwrap(),
        without_role,
        good[..good.len() / 2].to_vec(),
    ] {
        let here = Host::inspect(&bytes).unwrap_err();
        assert_eq!(host.compile(bytes).await.unwrap_err(), here);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn limits_of_the_child_have_errors_of_their_own() {
    let normal = CompileLimits::default();
    let large = large();
    Host::inspect(&large).unwrap();
    let wall = CompileLimits {
        wall: Duration::from_millis(5),
        ..normal
    };
    assert_eq!(
        error(child(), wall, large.clone()).await,
        PluginError::CompileTimedOut { after: wall.wall }
    );
    let cpu = CompileLimits {
        cpu: Duration::from_secs(1),
        ..normal
    };
    assert_eq!(
        error(child(), cpu, large.clone()).await,
        PluginError::CompileTimedOut { after: cpu.cpu }
    );
    let memory = CompileLimits {
        memory_bytes: 90 << 20,
        ..normal
    };
    assert_eq!(
        error(child(), memory, large).await,
        PluginError::CompileOutOfMemory { limit: 90 << 20 }
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_child_that_fails_is_an_error_and_not_an_outage() {
    let crash = |error: &PluginError| matches!(error, PluginError::CompilerCrashed { .. });
    let limits = CompileLimits::default();
    for (program, args) in [
        ("/bin/false", vec![]),
        ("/bin/true", vec![]),
        // Gives back what it got.
        ("/bin/sh", vec!["-c", "exec cat"]),
        ("/bin/sh", vec!["-c", "kill -SEGV $$"]),
        (
            "/bin/sh",
            vec!["-c", "cat >/dev/null; head -c 100 /dev/zero"],
        ),
    ] {
        let error = error(other_child(program, &args), limits, good_guest()).await;
        assert!(crash(&error), "{program} {args:?}: {error}");
    }
    let missing = error(other_child("/nowhere", &[]), limits, good_guest()).await;
    assert!(matches!(missing, PluginError::Host { .. }), "{missing}");
}

/// Whether a process is there and no zombie.
fn alive(pid: &str) -> bool {
    std::fs::read_to_string(format!("/proc/{}/stat", pid.trim()))
        .is_ok_and(|stat| !stat.contains(") Z"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hanging_child_is_killed_and_its_environment_is_empty() {
    let folder = tempfile::tempdir().unwrap();
    let note = |name: &str| folder.path().join(name);
    let script = format!(
        "echo $$ > {0}/pid; tr '\\0' '\\n' < /proc/$$/environ > {0}/environ; exec sleep 600",
        folder.path().display()
    );
    let limits = CompileLimits {
        wall: Duration::from_millis(700),
        ..CompileLimits::default()
    };
    let error = error(
        other_child("/bin/sh", &["-c", &script]),
        limits,
        good_guest(),
    )
    .await;
    assert_eq!(error, PluginError::CompileTimedOut { after: limits.wall });
    let pid = std::fs::read_to_string(note("pid")).unwrap();
    assert!(!alive(&pid), "the child is still there");
    let environ = std::fs::read_to_string(note("environ")).unwrap();
    assert!(
        !environ.contains("PATH=")
            && !environ.contains("HOME=")
            && environ.contains("RAYON_NUM_THREADS=2"),
        "{environ}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_caller_who_leaves_takes_the_child_along_and_at_most_two_compile() {
    let folder = tempfile::tempdir().unwrap();
    let script = format!(
        "echo $$ >> {}/pids; exec sleep 600",
        folder.path().display()
    );
    let host = host(
        other_child("/bin/sh", &["-c", &script]),
        CompileLimits::default(),
        None,
    );
    let calls: Vec<_> = (0..4)
        .map(|_| {
            let host = host.clone();
            tokio::spawn(async move { host.compile(good_guest()).await.map(drop) })
        })
        .collect();
    let pids = || {
        std::fs::read_to_string(folder.path().join("pids"))
            .unwrap_or_default()
            .lines()
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    let started = Instant::now();
    while pids().len() < 2 {
        assert!(
            started.elapsed() < Duration::from_secs(30),
            "two children start"
        );
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    // A third one would have started by now.
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(pids().len(), 2);
    for call in &calls {
        call.abort();
    }
    while pids().iter().any(|pid| alive(pid)) {
        assert!(
            started.elapsed() < Duration::from_secs(60),
            "the children end"
        );
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// A cache in a folder, for a host whose compiler counts its starts.
struct Kept {
    folder: tempfile::TempDir,
}

impl Kept {
    fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
        }
    }

    fn config(&self) -> CacheConfig {
        CacheConfig::in_data_dir(self.folder.path()).unwrap()
    }

    fn host(&self, cache: CacheConfig) -> Host {
        let script = format!(
            "echo x >> {}/starts; exec {} plugin-compile \"$@\"",
            self.folder.path().display(),
            env!("CARGO_BIN_EXE_plugin-compile")
        );
        host(
            other_child("/bin/sh", &["-c", &script, "sh"]),
            CompileLimits::default(),
            Some(cache),
        )
    }

    /// Starts of the compiler so far.
    fn starts(&self) -> usize {
        std::fs::read_to_string(self.folder.path().join("starts"))
            .unwrap_or_default()
            .lines()
            .count()
    }

    fn dir(&self) -> PathBuf {
        self.folder.path().join("plugin-cache")
    }

    /// The only file of the cache.
    fn file(&self) -> PathBuf {
        let mut files: Vec<_> = std::fs::read_dir(self.dir())
            .unwrap()
            .map(|e| e.unwrap().path())
            .collect();
        assert_eq!(files.len(), 1, "{files:?}");
        files.remove(0)
    }
}

fn change(file: &Path, change: impl FnOnce(&mut Vec<u8>)) {
    let mut bytes = std::fs::read(file).unwrap();
    change(&mut bytes);
    std::fs::write(file, bytes).unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restart_loads_from_the_cache_without_a_compiler() {
    let kept = Kept::new();
    for _ in 0..3 {
        works(&kept.host(kept.config()), keyword_classifier().to_vec()).await;
        assert_eq!(kept.starts(), 1);
    }
    let compiled = kept
        .host(kept.config())
        .compile(keyword_classifier().to_vec())
        .await
        .unwrap();
    assert_eq!(
        compiled.inspection(),
        &Host::inspect(keyword_classifier()).unwrap()
    );
    // Another component is not served with this one's code.
    works(&kept.host(kept.config()), good_guest()).await;
    assert_eq!(kept.starts(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_cache_is_for_its_owner_alone() {
    let kept = Kept::new();
    works(&kept.host(kept.config()), good_guest()).await;
    let mode = |path: &Path| std::fs::symlink_metadata(path).unwrap().mode() & 0o777;
    assert_eq!(mode(&kept.dir()), 0o700);
    assert_eq!(mode(&kept.file()), 0o600);
    assert_eq!(mode(&kept.folder.path().join("plugin-cache.key")), 0o600);
    assert_eq!(kept.config().key, kept.config().key);
    assert_ne!(kept.config().key, Kept::new().config().key);
    assert_ne!(kept.config().key, [0; 32]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_is_wrong_with_a_file_the_component_is_compiled_again() {
    let kept = Kept::new();
    works(&kept.host(kept.config()), good_guest()).await;
    let whole = std::fs::read(kept.file()).unwrap();
    let name = kept.file();
    let mut starts = 1;
    // Positions: magic 0..16, record 16..48, length 48..52, inspection, code to the end.
    let wrong: [(&str, &dyn Fn()); 8] = [
        ("the code", &|| {
            change(&name, |b| *b.last_mut().unwrap() ^= 1)
        }),
        ("code in the middle", &|| {
            change(&name, |b| {
                let middle = b.len() / 2;
                b[middle] ^= 0x10;
            })
        }),
        ("the record", &|| change(&name, |b| b[20] ^= 1)),
        ("the inspection", &|| change(&name, |b| b[60] ^= 1)),
        ("the length", &|| change(&name, |b| b[51] = 0xff)),
        ("truncated", &|| change(&name, |b| b.truncate(b.len() - 7))),
        ("empty", &|| change(&name, Vec::clear)),
        ("writable for others", &|| {
            std::fs::set_permissions(&name, std::fs::Permissions::from_mode(0o666)).unwrap();
        }),
    ];
    for (what, spoil) in wrong {
        spoil();
        works(&kept.host(kept.config()), good_guest()).await;
        starts += 1;
        assert_eq!(kept.starts(), starts, "{what}");
        assert_eq!(
            std::fs::read(kept.file()).unwrap().len(),
            whole.len(),
            "{what}: put right"
        );
    }

    // A link to a file that would be right.
    let elsewhere = kept.folder.path().join("elsewhere");
    std::fs::rename(&name, &elsewhere).unwrap();
    symlink(&elsewhere, &name).unwrap();
    works(&kept.host(kept.config()), good_guest()).await;
    assert_eq!(kept.starts(), starts + 1, "a link is not followed");
    assert!(!std::fs::symlink_metadata(&name).unwrap().is_symlink());
    assert!(elsewhere.exists(), "what the link led to is left alone");

    // Another key: an installation does not trust what another one compiled.
    let mut other = kept.config();
    other.key[0] ^= 1;
    works(&kept.host(other), good_guest()).await;
    assert_eq!(kept.starts(), starts + 2, "another key");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn code_of_one_component_is_not_taken_for_another() {
    let kept = Kept::new();
    works(&kept.host(kept.config()), good_guest()).await;
    let code = std::fs::read(kept.file()).unwrap();
    std::fs::remove_file(kept.file()).unwrap();
    let other = bad_classifier("unreachable", "{}");
    kept.host(kept.config())
        .compile(other.clone())
        .await
        .unwrap();
    std::fs::write(kept.file(), code).unwrap();
    kept.host(kept.config()).compile(other).await.unwrap();
    assert_eq!(kept.starts(), 3, "a record holds for one component only");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cache_that_cannot_be_used_only_costs_time() {
    let kept = Kept::new();
    let cache = kept.config();
    std::fs::write(kept.dir(), "a file where a folder is wanted").unwrap();
    works(&kept.host(cache), good_guest()).await;
    assert_eq!(kept.starts(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn machine_code_is_no_plugin() {
    let kept = Kept::new();
    works(&kept.host(kept.config()), good_guest()).await;
    let file = std::fs::read(kept.file()).unwrap();
    let code = file.windows(4).position(|w| w == b"\x7fELF").unwrap();
    let host = host(child(), CompileLimits::default(), None);
    for upload in [file[code..].to_vec(), file] {
        assert_eq!(
            host.compile(upload.clone()).await.unwrap_err(),
            PluginError::NotWasm
        );
        assert_eq!(Host::inspect(&upload).unwrap_err(), PluginError::NotWasm);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_interpreter_runs_in_the_engine_for_scripts_beside_the_others() {
    let kept = Kept::new();
    for _ in 0..2 {
        let host = kept.host(kept.config());
        // 100 MB of memory and 38 core instances: neither fits into the other engine.
        works(&host, interpreter(38)).await;
        works(&host, good_guest()).await;
        assert_eq!(kept.starts(), 2, "both come from the cache the second time");
    }
    let small = Host::new(HostConfig {
        script_memory_bytes: 64 << 20,
        ..HostConfig::default()
    })
    .unwrap();
    let compiled = small.compile(interpreter(38)).await.unwrap();
    let guest = small
        .classifier(&compiled, Installation::default(), &taxonomy())
        .await
        .unwrap();
    let error = guest.classify(vec![document(&["套餐"])]).await.unwrap_err();
    assert!(
        matches!(error, PluginError::OutOfMemory { limit } if limit == 64 << 20),
        "{error}"
    );
    let parts = small.compile(interpreter(70)).await.unwrap_err();
    assert!(matches!(parts, PluginError::Contract { .. }), "{parts}");
}
