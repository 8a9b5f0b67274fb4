/// The page of `cifar-runs ui`: one document, its style and its script, each a file of its own.
public enum UIPage {
  public static let html = """
    <!doctype html>
    <html lang="en">
    <head>
    <meta charset="utf-8">
    <meta name="generator" content="libcifar">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <title>Runs</title>
    <link rel="icon" href="icon.svg">
    <link rel="stylesheet" href="ui.css">
    <script src="ui.js" defer></script>
    </head>
    <body>
    <header>
    <a class="home" href="#/">cifar-runs</a>
    <span id="registry"></span>
    <span id="live" role="status"></span>
    </header>
    <main id="page"><noscript>This page needs JavaScript.</noscript></main>
    </body>
    </html>

    """

  public static var style: String { PageStyle.text + "\n" + UIStyle.text + "\n" }

  public static var script: String {
    [PageScript.text, UIScript.text, UIRunsScript.text, UISweepScript.text, UIScript.start]
      .joined(separator: "\n\n")
  }

  public static let icon = """
    <svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16">
    <path d="M1 2C4 13 7 13 15 14" fill="none" stroke="#0072b2" stroke-width="2.2"/>
    <path d="M1 14C4 5 8 4 15 2" fill="none" stroke="#d55e00" stroke-width="2.2"/>
    </svg>

    """
}
