import CifarCore

/// Completions for fish, which quotes what it inserts.
struct FishCompletion {
  let tool: Tool

  private var function: String { "__" + tool.name.replacing("-", with: "_") + "_runs" }

  var script: String {
    var text = """
      # Completions of \(tool.name) for fish: \(tool.name) completion fish | source
      # Ids and names of runs are read as lines and never evaluated.
      function \(function)
        set -l registry
        set -l words (commandline -opc)
        for index in (seq (count $words))
          if test "$words[$index]" = --registry
            set -l next (math $index + 1)
            set registry --registry (string replace -r '^~/' "$HOME/" -- "$words[$next]")
          else if string match -q -- '--registry=*' "$words[$index]"
            set -l value (string replace -- --registry= '' "$words[$index]")
            set registry --registry (string replace -r '^~/' "$HOME/" -- "$value")
          end
        end
        command $argv $registry 2>/dev/null | while read -l line
          set -l parts (string split -m 1 \\t -- $line)
          printf '%s\\t%s\\n' $parts[1] "$parts[2]"
          test -n "$parts[2]"; and printf '%s\\t%s\\n' "$parts[2]" $parts[1]
        end
      end
      complete -c \(tool.name) -f

      """
    for word in tool.completedWords {
      let summary = tool.completedCommands.first { $0.first == word }?.summary ?? ""
      text += line("-n __fish_use_subcommand -a \(word) -d \(quoted(summary))")
    }
    for command in tool.commands { text += lines(of: command) }
    for command in tool.completedCommands {
      let seen = seen(command.first)
      if !command.choices.isEmpty {
        text += line("\(seen) -a \(quoted(command.choices.joined(separator: " ")))")
      }
      if command.takesRun {
        text += line("\(seen) -a '(\(function) \(command.runs))'")
      }
      if command.takesFile { text += line("\(seen) -F") }
    }
    return text + line("\(seen("completion")) -a 'bash zsh fish'")
  }

  private func lines(of command: Command) -> String {
    let seen = seen(command.words[0])
    var text = ""
    if command.words.count > 1 {
      text += line("\(seen) -a \(command.words[1]) -d \(quoted(command.summary))")
    }
    for option in command.options {
      var words = "\(seen) -l \(option.name.dropFirst(2))"
      if option.name.count == 2 { words = "\(seen) -s \(option.name.dropFirst())" }
      if let short = option.short { words += " -s \(short.dropFirst())" }
      if option.value != nil { words += option.takesFile ? " -r -F" : " -x" }
      if !option.choices.isEmpty { words += " -a \(quoted(option.choices.joined(separator: " ")))" }
      text += line(words + " -d \(quoted(Help.unwrapped(option.help)))")
    }
    return text
  }

  private func line(_ words: String) -> String { "complete -c \(tool.name) \(words)\n" }

  private func seen(_ word: String) -> String { "-n '__fish_seen_subcommand_from \(word)'" }

  private func quoted(_ text: String) -> String {
    "'" + text.replacing("\\", with: "\\\\").replacing("'", with: "\\'") + "'"
  }
}
