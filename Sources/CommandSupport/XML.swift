import CifarCore

/// Text within HTML and SVG.
public enum XML {
  public static func escaped(_ text: String) -> String {
    text.visible().replacingScalars { scalar in
      switch scalar {
      case "&": "&amp;"
      case "<": "&lt;"
      case ">": "&gt;"
      case "\"": "&quot;"
      default: nil
      }
    }
  }
}
