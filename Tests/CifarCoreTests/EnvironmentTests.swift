import CifarCore
import Glibc
import Testing

/// The environment is the process's: what these tests set, only a process of their own sees.
struct EnvironmentTests {
  @Test func aVariableThatIsNotSetOrEmptyHasNoText() async {
    await #expect(processExitsWith: .success) {
      for set in [{ unsetenv("CIFAR_REGISTRY") }, { setenv("CIFAR_REGISTRY", "", 1) }] {
        #expect(set() == 0)
        let text = try EnvironmentVariable.registry.text()
        #expect(text == nil)
        #expect(!EnvironmentVariable.registry.isSet)
      }
    }
  }

  @Test func textIsReadWhenItIsAskedFor() async {
    await #expect(processExitsWith: .success) {
      for path in ["one.db", "zwei-ä.db"] {
        setenv("CIFAR_REGISTRY", path, 1)
        let text = try EnvironmentVariable.registry.text()
        #expect(text == path)
        #expect(EnvironmentVariable.registry.isSet)
      }
      setenv("CIFAR_REGISTRY", [CChar(bitPattern: 0xFF), 0], 1)
      let error = #expect(throws: CifarError.self) { try EnvironmentVariable.registry.text() }
      #expect(error?.code == .invalidArgument)
      #expect(error?.message.contains("CIFAR_REGISTRY is not UTF-8: '\\xff'") == true)
    }
  }

  @Test func choicesAreReadOnce() async {
    await #expect(processExitsWith: .success) {
      setenv("CIFAR_ISA", "baseline", 1)
      unsetenv("CIFAR_CONV")
      for _ in 0..<2 {
        let choices = try (Environment.instructionSet.get(), Environment.convolution.get())
        #expect(choices == (.baseline, .auto))
        setenv("CIFAR_ISA", "avx2", 1)
        setenv("CIFAR_CONV", "direct", 1)
      }
    }
  }

  @Test func anEmptyChoiceIsNone() async {
    await #expect(processExitsWith: .success) {
      setenv("CIFAR_ISA", "", 1)
      setenv("CIFAR_CONV", "", 1)
      let choices = try (Environment.instructionSet.get(), Environment.convolution.get())
      #expect(choices == (nil, .auto))
    }
  }

  @Test func aChoiceThatThereIsNotNamesThoseThereAre() async {
    await #expect(processExitsWith: .success) {
      setenv("CIFAR_ISA", "AVX2", 1)
      setenv("CIFAR_CONV", "fft", 1)
      var errors = [
        #expect(throws: CifarError.self) { try Environment.instructionSet.get() },
        #expect(throws: CifarError.self) { try Environment.convolution.get() },
      ]
      #expect(
        errors.map(\.?.message) == [
          "CIFAR_ISA is 'AVX2'; use baseline, avx2, avx512 or avx512vnni, and start the process again",
          "CIFAR_CONV is 'fft'; use direct, winograd or auto, and start the process again",
        ])
      errors.removeAll { $0?.code == .invalidArgument }
      #expect(errors.isEmpty)
    }
  }

  @Test func everyVariableSaysWhatItIsFor() {
    for variable in EnvironmentVariable.allCases {
      #expect(!variable.help.isEmpty && variable.help.last != ".", "\(variable)")
    }
  }
}
