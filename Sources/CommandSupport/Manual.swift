import CifarCore

extension Tool {
  /// The manual page, for `man`.
  func manual() -> String {
    var text = ".TH \"\(name.uppercased())\" 1 \"\" \"libcifar \(version)\" \"User Commands\"\n"
    text += ".SH NAME\n\(roff(name)) \\- \(roff(summary))\n"
    text += ".SH SYNOPSIS\n.B \(roff(name))\nCOMMAND [OPTIONS]\n.SH COMMANDS\n"
    for command in commands {
      let usage = command.positionals.map(\.usage).joined(separator: " ")
      text += ".SS \"\(roff(command.name))\(usage.isEmpty ? "" : " " + roff(usage))\"\n"
      text += "\(capitalized(roff(command.summary))).\n"
      for paragraph in paragraphs(command.discussion()) {
        // What is indented is shown as it is.
        text +=
          paragraph.hasPrefix(" ")
          ? ".PP\n.nf\n\(roff(paragraph))\n.fi\n" : ".PP\n\(roff(paragraph))\n"
      }
      for positional in command.positionals {
        text += ".TP\n.I \(roff(positional.name))\n\(roff(positional.help))\n"
      }
      for option in command.options {
        text += ".TP\n.B \(roff(Help.title(of: option)))\n\(roff(Help.unwrapped(option.help)))\n"
      }
      if !command.examples.isEmpty {
        text += ".PP\n.nf\n"
        text += command.examples.map { "    \(roff($0))\n" }.joined() + ".fi\n"
      }
    }
    text += ".SH EXAMPLES\n.nf\n" + examples.map { roff($0) + "\n" }.joined() + ".fi\n"
    text += ".SH ENVIRONMENT\n"
    for variable in environment {
      text += ".TP\n.B \(roff(variable.name))\n\(roff(variable.help))\n"
    }
    text += """
      .SH EXIT STATUS
      0 for success, 1 for failure, 2 for wrong usage. Ctrl\\-C, SIGTERM and SIGHUP end a command as
      they end any program: a shell tells 130, 143 or 129.

      """
    return text
  }

  private func paragraphs(_ text: String) -> [String] {
    text.split(separator: "\n", omittingEmptySubsequences: false)
      .split(whereSeparator: \.isEmpty).map { $0.joined(separator: "\n") }
  }

  private func capitalized(_ text: String) -> String {
    text.prefix(1).uppercased() + text.dropFirst()
  }

  /// Text that roff shows as it is.
  private func roff(_ text: String) -> String {
    let escaped = text.replacing("\\", with: "\\e").replacing("-", with: "\\-")
    return escaped.split(separator: "\n", omittingEmptySubsequences: false).map { line in
      line.hasPrefix(".") || line.hasPrefix("'") ? "\\&" + line : String(line)
    }.joined(separator: "\n")
  }
}
