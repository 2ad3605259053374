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
 * Commits to Delta tables on S3 by conditional writes: of two writers of one version, one wins and the other is told.
 *
 * <p>Delta's own store for S3 asks first whether the version is there and writes then, and knows of no writer in another
 * process. Sail and delta-rs write on the same condition, so that all of them may write to one table.
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
      // A write whose answer was lost is tried again, and then finds itself: that is no other writer.
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
    // "must": a file system that does not know the condition refuses, instead of writing without it.
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
