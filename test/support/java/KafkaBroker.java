import java.io.File;
import kafka.tools.StorageTool;

/**
 * A Kafka broker that dies with the process which started it: formats the log directory where that is needed, runs
 * kafka.Kafka, and halts when its standard input ends.
 */
public final class KafkaBroker {
  public static void main(String[] args) {
    String properties = args[0];
    File meta = new File(args[1], "meta.properties");
    if (!meta.exists()) {
      String[] format = {"format", "-t", args[2], "-c", properties, "--standalone"};
      if (StorageTool.execute(format, System.out) != 0) System.exit(1);
    }
    Thread parent = new Thread(() -> {
      try {
        while (System.in.read() >= 0) {}
      } catch (java.io.IOException ended) {
        // The same as its end.
      }
      Runtime.getRuntime().halt(137);
    }, "parent");
    parent.setDaemon(true);
    parent.start();
    kafka.Kafka.main(new String[] {properties});
  }
}
