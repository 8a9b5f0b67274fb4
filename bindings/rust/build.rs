//! Finds libcifar: in the directory that CIFAR_LIB_DIR names, else through pkg-config.

use std::env;
use std::process::{self, Command};

fn main() {
    for variable in ["CIFAR_LIB_DIR", "PKG_CONFIG", "PKG_CONFIG_PATH"] {
        println!("cargo:rerun-if-env-changed={variable}");
    }
    let directory = match env::var("CIFAR_LIB_DIR") {
        Ok(directory) if !directory.is_empty() => {
            if !std::path::Path::new(&directory).join("libcifar.so").exists() {
                fail(&format!("CIFAR_LIB_DIR is '{directory}', where no libcifar.so is"));
            }
            directory
        }
        _ => {
            pkg_config(&["--print-errors", "--exists", "cifar >= 0.2"]);
            pkg_config(&["--variable=libdir", "cifar"])
        }
    };
    println!("cargo:rustc-link-search=native={directory}");
    println!("cargo:rustc-link-lib=dylib=cifar");
    // For the build scripts of other crates: DEP_CIFAR_LIB_DIR.
    println!("cargo:lib_dir={directory}");
    // The crate's own tests and examples look for the library where it was found.
    println!("cargo:rustc-link-arg=-Wl,-rpath,{directory}");
}

/// What pkg-config answers.
fn pkg_config(arguments: &[&str]) -> String {
    let program = env::var("PKG_CONFIG").unwrap_or_else(|_| "pkg-config".to_owned());
    match Command::new(&program).args(arguments).output() {
        Ok(output) if output.status.success() => {
            // It has a backslash before a space of a path, as for a shell.
            String::from_utf8_lossy(&output.stdout).trim().replace("\\ ", " ")
        }
        Ok(output) => fail(&String::from_utf8_lossy(&output.stderr)),
        Err(error) => fail(&format!("{program}: {error}")),
    }
}

fn fail(reason: &str) -> ! {
    eprintln!("{reason}");
    eprintln!(
        "libcifar is not found: install libcifar-dev, or set PKG_CONFIG_PATH or CIFAR_LIB_DIR"
    );
    process::exit(1)
}
