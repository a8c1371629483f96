//! Help, wrong usage, and completions.

use crate::gleis;

#[tokio::test]
async fn help_is_printed_and_exits_well() {
    for args in [&["--help"][..], &["help"], &["hub", "--help"], &["bridge", "run", "--help"]] {
        let (exit, out, err) = gleis(args).await;
        assert_eq!((exit, &err[..]), (0, ""), "{args:?}");
        assert!(out.contains("Usage: gleis"), "{out}");
    }
    let (exit, out, _) = gleis(&["--version"]).await;
    assert_eq!((exit, &out[..]), (0, concat!("gleis ", env!("CARGO_PKG_VERSION"), "\n")));
}

#[tokio::test]
async fn wrong_usage_is_exit_code_2_and_says_what_is_meant() {
    for (args, says) in [
        (&[][..], "Usage: gleis"),
        (&["hubb"], "similar subcommands exist: 'sub', 'hub'"),
        (&["ns", "list"], "--ns <ENDPOINT>"),
        (&["req", "nonsense", "x"], "invalid value 'nonsense'"),
        (&["ns", "run", "--timeout", "-1"], "'-1'"),
        (&["bridge", "run", "--hub", "tcp://127.0.0.1:1"], "--hub <BROADCAST> <RECEIVE>"),
    ] {
        let (exit, out, err) = gleis(args).await;
        assert_eq!((exit, &out[..]), (2, ""), "{args:?}");
        assert!(err.contains(says), "{args:?}: {err}");
    }
}

#[tokio::test]
async fn shells_get_completions() {
    for (shell, word) in
        [("bash", "_gleis()"), ("zsh", "#compdef gleis"), ("fish", "complete -c gleis")]
    {
        let (exit, out, _) = gleis(&["completions", shell]).await;
        assert_eq!(exit, 0);
        assert!(out.contains(word), "{out}");
    }
}
