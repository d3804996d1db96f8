//! Completion scripts and man pages, generated from the command line's definition.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
};

use clap::{Command, ValueEnum as _};
use clap_complete::Shell;

use crate::{Exit, Failure, Ui, completion};

/// The completion scripts for `completions/`, by file name.
pub fn completions(command: &Command) -> io::Result<BTreeMap<String, String>> {
    let scripts = Shell::value_variants().iter().map(|shell| {
        let script = completion::script(command, *shell)?;
        Ok((completion_file(command.get_name(), *shell), script))
    });
    scripts.collect()
}

/// The man pages for `man/`, by file name: one for each visible command.
pub fn man_pages(command: &Command) -> io::Result<BTreeMap<String, String>> {
    let mut command = command.clone();
    command.build();
    let mut pages = BTreeMap::new();
    man_page(&command, command.get_name(), &mut pages)?;
    Ok(pages)
}

/// Files in `folder` that begin with `prefix` and differ from `wanted`: stale, missing or left over.
pub fn stale(folder: &Path, prefix: &str, wanted: &BTreeMap<String, String>) -> io::Result<Vec<PathBuf>> {
    let mut stale: Vec<PathBuf> = wanted
        .iter()
        .map(|(name, text)| (folder.join(name), text))
        .filter(|(path, text)| fs::read_to_string(path).ok().as_ref() != Some(text))
        .map(|(path, _)| path)
        .collect();
    for entry in fs::read_dir(folder)? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        if name.trim_start_matches('_').starts_with(prefix) && !wanted.contains_key(&name) {
            stale.push(folder.join(name));
        }
    }
    Ok(stale)
}

/// Makes `folder` hold exactly `wanted` among the files that begin with `prefix`.
pub fn update(folder: &Path, prefix: &str, wanted: &BTreeMap<String, String>) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    for path in stale(folder, prefix, wanted)? {
        match path.file_name().and_then(|name| wanted.get(name.to_str()?)) {
            Some(text) => fs::write(&path, text)?,
            None => fs::remove_file(&path)?,
        }
    }
    Ok(())
}

/// The answer of `completion SHELL`.
pub fn print_completion(ui: &Ui, command: &Command, shell: Shell) -> Result<(), Failure> {
    let script = completion::script(command, shell)
        .map_err(|error| Failure::from_error(Exit::Failed, &error).while_doing("cannot write the script"))?;
    ui.print(&script)
}

fn completion_file(name: &str, shell: Shell) -> String {
    match shell {
        Shell::Bash => format!("{name}.bash"),
        Shell::Elvish => format!("{name}.elv"),
        Shell::Fish => format!("{name}.fish"),
        Shell::PowerShell => format!("_{name}.ps1"),
        Shell::Zsh => format!("_{name}"),
        other => format!("{name}.{other}"),
    }
}

fn man_page(command: &Command, name: &str, pages: &mut BTreeMap<String, String>) -> io::Result<()> {
    for child in command
        .get_subcommands()
        .filter(|c| !c.is_hide_set() && c.get_name() != "help")
    {
        man_page(child, &format!("{name}-{}", child.get_name()), pages)?;
    }
    let mut page = Vec::new();
    let (tool, _) = name.split_once('-').unwrap_or((name, ""));
    let man = clap_mangen::Man::new(command.clone())
        .title(name)
        .source(format!("{tool} {}", env!("CARGO_PKG_VERSION")))
        .manual("Butler");
    man.render(&mut page)?;
    pages.insert(format!("{name}.1"), String::from_utf8_lossy(&page).into_owned());
    Ok(())
}
