import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.stream.Stream;
import kafka.tools.StorageTool;
import org.apache.kafka.common.Uuid;

/**
 * A Kafka broker that dies with the process which started it: formats the log directory where that is needed, runs
 * kafka.Kafka, and when its standard input ends removes its folder and halts.
 * Argument: a folder that holds server.properties and is to hold the log.
 */
public final class KafkaBroker {
  public static void main(String[] args) {
    Path folder = Path.of(args[0]);
    String properties = folder.resolve("server.properties").toString();
    if (!new File(folder.toFile(), "log/meta.properties").exists()) {
      // Kafka's own, since an id must not begin with a dash.
      String clusterId = Uuid.randomUuid().toString();
      String[] format = {"format", "-t", clusterId, "-c", properties, "--standalone"};
      if (StorageTool.execute(format, System.out) != 0) System.exit(1);
    }
    Thread parent = new Thread(() -> awaitEnd(folder), "parent");
    parent.setDaemon(true);
    parent.start();
    kafka.Kafka.main(new String[] {properties});
  }

  private static void awaitEnd(Path folder) {
    try {
      while (System.in.read() >= 0) {}
      try (Stream<Path> files = Files.walk(folder)) {
        files.sorted(Comparator.reverseOrder()).forEach(file -> file.toFile().delete());
      }
    } catch (IOException | RuntimeException gone) {
      // The folder is being removed by another: all that is left is to end.
    }
    Runtime.getRuntime().halt(137);
  }
}
