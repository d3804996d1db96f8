//! How the first platform administrator of a new management cluster logs in: a command that works as it is typed, or what is to
//! be done instead.

use std::path::Path;

use butler_api::config::Console;
use butler_api::names::{ADMIN_PASSWORD, SYSTEM_NAMESPACE};
use butler_terminal::Ui;

/// The Service that the console is behind, where nothing outside leads to it.
const SERVICE: &str = "butler-console-frontend";
/// Where it answers once its port is forwarded.
const FORWARDED: &str = "http://127.0.0.1:8080";

/// Something to tell.
#[derive(Debug, PartialEq, Eq)]
enum Words {
    Note(String),
    Hint(String),
}

/// Says how the first administrator logs in on a real cluster.
pub(crate) fn tell(ui: &Ui, console: Option<&Console>, kubeconfig: &Path) {
    for words in words(console, &kubeconfig.display().to_string()) {
        match words {
            Words::Note(text) => ui.note(&text),
            Words::Hint(text) => ui.hint(&text),
        }
    }
}

/// The same as rows of a table: a word, and what is told or to be typed.
pub(crate) fn rows(console: Option<&Console>, kubeconfig: &Path) -> Vec<(String, String)> {
    let row = |words| match words {
        Words::Note(text) => ("log in".to_owned(), text),
        Words::Hint(text) => ("type".to_owned(), text),
    };
    let address = console.and_then(address).map(|url| ("console".to_owned(), url));
    let told = words(console, &kubeconfig.display().to_string()).into_iter().map(row);
    address.into_iter().chain(told).collect()
}

/// Where the console answers, where something outside leads to it.
fn address(console: &Console) -> Option<String> {
    let ingress = console.ingress.as_ref()?;
    let scheme = if ingress.tls { "https" } else { "http" };
    Some(format!("{scheme}://{}", ingress.host))
}

fn words(console: Option<&Console>, kubeconfig: &str) -> Vec<Words> {
    let Some(console) = console else {
        return vec![
            Words::Note(
                "Without a console there is no server to log in on; an administrator works with the kubeconfig."
                    .to_owned(),
            ),
            Words::Hint(format!("butleradm team list --kubeconfig {kubeconfig}")),
            Words::Hint("for logins, set addons.console.enabled to true and run this command again".to_owned()),
        ];
    };
    let mut told = vec![Words::Note(
        "The first platform administrator is the user admin; the password is in a Secret.".to_owned(),
    )];
    let (server, more) = match address(console) {
        Some(url) if url.starts_with("https:") => (url, ""),
        Some(url) => (url, " --insecure-http"),
        None => {
            told.push(Words::Hint(format!(
                "in another terminal: kubectl --kubeconfig {kubeconfig} -n {SYSTEM_NAMESPACE} port-forward service/{SERVICE} 8080:80"
            )));
            (FORWARDED.to_owned(), "")
        }
    };
    told.push(Words::Hint(format!(
        "kubectl --kubeconfig {kubeconfig} -n {SYSTEM_NAMESPACE} get secret {ADMIN_PASSWORD} -o jsonpath='{{.data.admin-password}}' \
         | base64 -d | butleradm login --server {server}{more} --user admin --password-stdin"
    )));
    told
}

#[cfg(test)]
mod tests {
    use butler_api::config::ConsoleIngress;

    use super::*;

    fn console(tls: Option<bool>) -> Console {
        Console {
            version: None,
            ingress: tls.map(|tls| ConsoleIngress {
                host: "butler.example.com".to_owned(),
                class_name: None,
                tls,
                tls_secret_name: "s".to_owned(),
            }),
            admin_password: None,
            jwt_secret: None,
        }
    }

    fn told(console: Option<&Console>) -> String {
        let line = |words: Words| match words {
            Words::Note(text) => format!("{text}\n"),
            Words::Hint(text) => format!("hint: {text}\n"),
        };
        words(console, "demo-kubeconfig").into_iter().map(line).collect()
    }

    #[test]
    fn the_password_goes_from_the_secret_into_the_login_and_into_no_argument() {
        insta::assert_snapshot!(told(Some(&console(Some(true)))), @r"
        The first platform administrator is the user admin; the password is in a Secret.
        hint: kubectl --kubeconfig demo-kubeconfig -n butler-system get secret butler-console-admin -o jsonpath='{.data.admin-password}' | base64 -d | butleradm login --server https://butler.example.com --user admin --password-stdin
        ");
        assert!(told(Some(&console(Some(false)))).contains("http://butler.example.com --insecure-http"));
    }

    #[test]
    fn the_address_of_the_console_is_a_row_of_its_own() {
        let kubeconfig = Path::new("demo-kubeconfig");
        let first = |console: &Console| rows(Some(console), kubeconfig).swap_remove(0);
        let url = "https://butler.example.com".to_owned();
        assert_eq!(first(&console(Some(true))), ("console".to_owned(), url));
        assert_eq!(first(&console(None)).0, "log in");
    }

    #[test]
    fn a_console_that_nothing_leads_to_is_reached_by_a_forwarded_port() {
        insta::assert_snapshot!(told(Some(&console(None))), @r"
        The first platform administrator is the user admin; the password is in a Secret.
        hint: in another terminal: kubectl --kubeconfig demo-kubeconfig -n butler-system port-forward service/butler-console-frontend 8080:80
        hint: kubectl --kubeconfig demo-kubeconfig -n butler-system get secret butler-console-admin -o jsonpath='{.data.admin-password}' | base64 -d | butleradm login --server http://127.0.0.1:8080 --user admin --password-stdin
        ");
    }

    #[test]
    fn without_a_console_the_kubeconfig_is_the_way() {
        insta::assert_snapshot!(told(None), @r"
        Without a console there is no server to log in on; an administrator works with the kubeconfig.
        hint: butleradm team list --kubeconfig demo-kubeconfig
        hint: for logins, set addons.console.enabled to true and run this command again
        ");
    }
}
