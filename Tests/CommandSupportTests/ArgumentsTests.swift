import Testing

@testable import CommandSupport

@Suite struct ArgumentsTests {
  let command = Command(
    "train", summary: "trains", positionals: [Positional("RUN", help: "a run", required: false)],
    options: [
      Option("--epochs", value: "N", help: "epochs"), Option("--lr", value: "X", help: "rate"),
      Option("--output", short: "-o", value: "FILE", help: "file"),
      Option("--quiet", help: "says nothing"),
    ]
  ) { _ in }

  func parse(_ arguments: String...) throws -> Arguments { try Arguments(arguments, for: command) }

  func message(_ arguments: String...) -> String? {
    do {
      _ = try Arguments(arguments, for: command)
      return nil
    } catch { return "\(error)" }
  }

  @Test func valuesComeSeparatelyOrAfterAnEqualsSign() throws {
    let arguments = try parse("--epochs", "3", "abc", "--lr=-1=2", "-o", "-", "--quiet")
    #expect(arguments.positionals == ["abc"])
    #expect(try arguments.integer("--epochs") == 3)
    #expect(arguments.value("--lr") == "-1=2")
    #expect(arguments.value("--output") == "-")
    #expect(arguments.has("--quiet"))
    #expect(!arguments.has("--other"))
  }

  @Test func twoDashesEndTheOptions() throws {
    #expect(try parse("--", "--quiet").positionals == ["--quiet"])
  }

  @Test func theLastOfRepeatedValuesCounts() throws {
    let arguments = try parse("--epochs", "3", "--epochs", "4")
    #expect(arguments.value("--epochs") == "4")
    #expect(arguments.all("--epochs") == ["3", "4"])
  }

  @Test func wrongUsageIsNamed() {
    #expect(message("--epoch", "3") == "unknown option --epoch; did you mean --epochs?")
    #expect(message("--zzzzzz") == "unknown option --zzzzzz")
    #expect(message("--epochs") == "--epochs needs a value: --epochs N")
    #expect(message("--quiet=1") == "--quiet takes no value")
    #expect(message("a", "b") == "unexpected argument 'b'")
  }

  @Test func numbersAreChecked() throws {
    let arguments = try parse("--epochs", "0", "--lr", "nan", "-o", "18446744073709551615")
    #expect(throws: UsageError.self) { try arguments.integer("--epochs", in: 1...Int.max) }
    #expect(throws: UsageError.self) { try arguments.number("--lr") }
    #expect(try arguments.unsigned("--output") == .max)
    #expect(throws: UsageError.self) { try arguments.choice("--lr", of: ["a", "b"]) }
  }

  @Test func exitCodesTellFailureFromWrongUsage() {
    struct Failure: Error {}
    let tool = Tool(
      name: "tool", version: "1", summary: "a tool",
      commands: [
        Command("good", summary: "works") { _ in },
        Command("data get", summary: "fails") { _ in throw Failure() },
      ])
    #expect(tool.main(["good"]) == 0)
    #expect(tool.main(["good", "--help"]) == 0)
    #expect(tool.main(["data", "get"]) == 1)
    #expect(tool.main(["data"]) == 2)
    #expect(tool.main(["goood"]) == 2)
    #expect(tool.main([]) == 2)
    #expect(tool.main(["good", "extra"]) == 2)
  }
}
