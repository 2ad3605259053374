package podium.lakehouse;

import io.delta.storage.S3SingleDriverLogStore;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileAlreadyExistsException;
import java.util.Arrays;
import java.util.Iterator;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.FSDataInputStream;
import org.apache.hadoop.fs.FSDataOutputStream;
import org.apache.hadoop.fs.FSDataOutputStreamBuilder;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.Path;

/**
 * Commits to Delta tables on S3 by conditional writes: if two writers commit the same version, one of them gets an error.
 *
 * <p>Delta's own store for S3 checks whether the version exists and then writes, which is safe only within one process.
 * Sail and delta-rs use the same condition, so all of them can write to the same table.
 */
public class S3Commits extends S3SingleDriverLogStore {
  private static final String ONLY_IF_ABSENT = "fs.option.create.conditional.overwrite";

  public S3Commits(Configuration configuration) {
    super(configuration);
  }

  @Override
  public void write(Path path, Iterator<String> actions, Boolean overwrite, Configuration configuration)
      throws IOException {
    if (overwrite) {
      super.write(path, actions, true, configuration);
      return;
    }
    FileSystem store = path.getFileSystem(configuration);
    byte[] commit = lines(actions);
    try {
      putIfAbsent(store, path, commit);
    } catch (IOException refused) {
      if (!isThere(store, path, refused)) {
        throw refused;
      }
      // The answer to an earlier attempt may have been lost. Equal bytes are our own commit, not another writer's.
      if (!Arrays.equals(commit, read(store, path))) {
        throw (IOException) new FileAlreadyExistsException(path.toString()).initCause(refused);
      }
    }
  }

  private static byte[] lines(Iterator<String> actions) {
    ByteArrayOutputStream all = new ByteArrayOutputStream();
    while (actions.hasNext()) {
      all.writeBytes((actions.next() + "\n").getBytes(StandardCharsets.UTF_8));
    }
    return all.toByteArray();
  }

  private static void putIfAbsent(FileSystem store, Path path, byte[] commit) throws IOException {
    // must() makes a file system without support for the condition fail, instead of writing unconditionally.
    FSDataOutputStreamBuilder<?, ?> file = store.createFile(path);
    file.must(ONLY_IF_ABSENT, true);
    try (FSDataOutputStream sink = file.build()) {
      sink.write(commit);
    }
  }

  private static boolean isThere(FileSystem store, Path path, IOException refused) {
    try {
      return store.exists(path);
    } catch (IOException unknown) {
      refused.addSuppressed(unknown);
      return false;
    }
  }

  private static byte[] read(FileSystem store, Path path) throws IOException {
    try (FSDataInputStream source = store.open(path)) {
      return source.readAllBytes();
    }
  }
}
