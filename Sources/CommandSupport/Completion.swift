extension Tool {
  /// A script that completes the tool's commands and options in a shell.
  func completion(for arguments: [String]) throws -> String {
    let shells = ["bash", "zsh", "fish"]
    guard let shell = arguments.first, arguments.count == 1 else {
      throw UsageError("the shell is missing: \(name) completion \(shells.joined(separator: "|"))")
    }
    switch shell {
    case "bash": return bashCompletion()
    case "zsh":
      // zsh runs bash's completions through its own compatibility layer.
      return "#compdef \(name)\nautoload -U +X bashcompinit && bashcompinit\n" + bashCompletion()
    case "fish": return fishCompletion()
    default:
      throw UsageError(
        "unknown shell '\(shell)', use \(shells.joined(separator: ", "))"
          + Suggestion.text(for: shell, among: shells))
    }
  }

  private var firstWords: [String] {
    commands.reduce(into: []) { words, command in
      if !words.contains(command.words[0]) { words.append(command.words[0]) }
    } + ["completion", "man"]
  }

  private func bashCompletion() -> String {
    let function = "_" + name.replacing("-", with: "_")
    var text = """
      # Completions of \(name) for bash: source <(\(name) completion bash)
      \(function)() {
        local word="${COMP_WORDS[COMP_CWORD]}" previous="${COMP_WORDS[COMP_CWORD-1]}"
        local registry=() index
        for ((index = 1; index < COMP_CWORD; index++)); do
          if [[ ${COMP_WORDS[index]} == --registry ]]; then
            registry=(--registry "${COMP_WORDS[index+1]}")
          fi
        done
        COMPREPLY=()
        if ((COMP_CWORD == 1)); then
          COMPREPLY=($(compgen -W "\((firstWords + ["--help", "--version"]).joined(separator: " "))" -- "$word"))
          return
        fi
        case "${COMP_WORDS[1]}" in

      """
    for first in firstWords.dropLast(2) {
      let group = commands.filter { $0.words[0] == first }
      let options = group.flatMap(\.options)
      text += "    \(first))\n      case \"$previous\" in\n"
      for option in options where option.value != nil {
        let names = [option.name, option.short].compactMap { $0 }.joined(separator: "|")
        if !option.choices.isEmpty {
          let words = option.choices.joined(separator: " ")
          text +=
            "        \(names)) COMPREPLY=($(compgen -W \"\(words)\" -- \"$word\")); return ;;\n"
        } else if option.takesFile {
          text += "        \(names)) COMPREPLY=($(compgen -f -- \"$word\")); return ;;\n"
        } else {
          text += "        \(names)) return ;;\n"
        }
      }
      text += "      esac\n"
      let seconds = group.filter { $0.words.count > 1 }.map { $0.words[1] }
      let words = seconds + options.map(\.name) + ["--help"]
      text += "      COMPREPLY=($(compgen -W \"\(words.joined(separator: " "))\" -- \"$word\"))\n"
      if group.contains(where: { $0.positionals.contains { $0.name == "RUN" } }) {
        text +=
          "      [[ $word == -* ]] || COMPREPLY+=($(compgen -W \"$(cifar-runs list --all --csv "
        text += "--columns id \"${registry[@]}\" 2>/dev/null | tail -n +2)\" -- \"$word\"))\n"
      }
      text += "      ;;\n"
    }
    return text + """
          completion) COMPREPLY=($(compgen -W "bash zsh fish" -- "$word")) ;;
        esac
      }
      complete -F \(function) \(name)

      """
  }

  private func fishCompletion() -> String {
    var text = "# Completions of \(name) for fish: \(name) completion fish | source\n"
    text += "complete -c \(name) -f\n"
    for first in firstWords {
      let summary = commands.first { $0.name == first }?.summary ?? ""
      text += "complete -c \(name) -n __fish_use_subcommand -a \(first) -d \(quoted(summary))\n"
    }
    for command in commands {
      let seen = "-n '__fish_seen_subcommand_from \(command.words[0])'"
      if command.words.count > 1 {
        text += "complete -c \(name) \(seen) -a \(command.words[1]) -d \(quoted(command.summary))\n"
      }
      for option in command.options {
        text += "complete -c \(name) \(seen) -l \(option.name.dropFirst(2))"
        if let short = option.short { text += " -s \(short.dropFirst())" }
        if option.value != nil { text += option.takesFile ? " -r -F" : " -x" }
        if !option.choices.isEmpty {
          text += " -a \(quoted(option.choices.joined(separator: " ")))"
        }
        text += " -d \(quoted(option.help.split(separator: "\n").first.map(String.init) ?? ""))\n"
      }
      if command.positionals.contains(where: { $0.name == "RUN" }) {
        text += "complete -c \(name) \(seen) -a '(cifar-runs list --all --csv --columns id,name "
        text += "2>/dev/null | tail -n +2 | string replace , \\t)'\n"
      }
    }
    return text + "complete -c \(name) -n '__fish_seen_subcommand_from completion' "
      + "-a 'bash zsh fish'\n"
  }

  private func quoted(_ text: String) -> String { "'" + text.replacing("'", with: "\\'") + "'" }
}

extension Option {
  fileprivate var takesFile: Bool {
    guard let value else { return false }
    return value.contains("FILE") || value.contains("DIR")
  }
}
