import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.BufferedReader;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.OutputStream;
import java.io.PrintStream;
import java.lang.reflect.InvocationTargetException;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import org.apache.kafka.common.utils.Exit;

/**
 * Runs many of Kafka's command-line tools in one JVM, since starting a JVM for each costs more than all they do.
 *
 * Reads requests from stdin, one JSON object a line, and answers on stdout in the same way:
 *   {"id": 1, "class": "org.apache.kafka.tools.TopicCommand", "args": ["--list"], "stdin": ""}
 *   {"id": 1, "exit": 0, "out": "...", "err": "..."}
 *   {"id": 1, "stop": true}     runs the tool's shutdown hooks, as SIGTERM would
 * Each run has its own thread, standard streams, exit status and static fields: the tools' own classes are loaded anew.
 */
public final class ToolServer {
    static final class ExitCalled extends Error {
        ExitCalled(int status) { super("exit " + status, null, false, false); }
    }

    static final class Run {
        final ByteArrayOutputStream out = new ByteArrayOutputStream();
        final ByteArrayOutputStream err = new ByteArrayOutputStream();
        final CopyOnWriteArrayList<Runnable> hooks = new CopyOnWriteArrayList<>();
        InputStream in = InputStream.nullInputStream();
        volatile Integer exit;

        synchronized void exited(int status) { if (exit == null) exit = status; }

        void runHooks() {
            for (Runnable hook : hooks) {
                hooks.remove(hook);
                Thread t = new Thread(hook);
                t.start();
                try { t.join(30_000); } catch (InterruptedException e) { return; }
            }
        }
    }

    static final InheritableThreadLocal<Run> current = new InheritableThreadLocal<>();
    static final ObjectMapper json = new ObjectMapper();
    static final Map<Integer, Run> runs = new ConcurrentHashMap<>();
    static PrintStream answers;

    /** Standard output or error of whichever run the calling thread belongs to. */
    static final class Routed extends OutputStream {
        final boolean error;
        final OutputStream rest;

        Routed(boolean error, OutputStream rest) { this.error = error; this.rest = rest; }

        OutputStream target() {
            Run run = current.get();
            return run == null ? rest : error ? run.err : run.out;
        }

        @Override public void write(int b) throws IOException { target().write(b); }
        @Override public void write(byte[] b, int from, int n) throws IOException { target().write(b, from, n); }
        @Override public void flush() throws IOException { target().flush(); }
    }

    static final class RoutedInput extends InputStream {
        static InputStream source() { return current.get() == null ? InputStream.nullInputStream() : current.get().in; }
        @Override public int read() throws IOException { return source().read(); }
        @Override public int read(byte[] b, int from, int n) throws IOException { return source().read(b, from, n); }
        @Override public int available() throws IOException { return source().available(); }
    }

    /** Loads the tools' classes anew, the rest (clients, libraries) once. */
    static final class ToolLoader extends ClassLoader {
        ToolLoader(ClassLoader parent) { super(parent); }

        @Override protected Class<?> loadClass(String name, boolean resolve) throws ClassNotFoundException {
            boolean own = name.startsWith("org.apache.kafka.tools.") || name.startsWith("kafka.admin.");
            if (!own) return super.loadClass(name, resolve);
            synchronized (getClassLoadingLock(name)) {
                Class<?> known = findLoadedClass(name);
                if (known != null) return known;
                try (InputStream in = getParent().getResourceAsStream(name.replace('.', '/') + ".class")) {
                    if (in == null) throw new ClassNotFoundException(name);
                    byte[] code = in.readAllBytes();
                    return defineClass(name, code, 0, code.length);
                } catch (IOException e) {
                    throw new ClassNotFoundException(name, e);
                }
            }
        }
    }

    static void execute(Run run, String className, String[] args) {
        try {
            ClassLoader loader = new ToolLoader(ToolServer.class.getClassLoader());
            Thread.currentThread().setContextClassLoader(loader);
            Class.forName(className, true, loader).getMethod("main", String[].class).invoke(null, (Object) args);
            run.exited(0);
        } catch (InvocationTargetException e) {
            if (!(e.getCause() instanceof ExitCalled)) {
                e.getCause().printStackTrace(System.err);
                run.exited(1);
            }
        } catch (Throwable e) {
            e.printStackTrace(System.err);
            run.exited(1);
        }
        run.runHooks();
    }

    static void start(JsonNode request) {
        int id = request.get("id").asInt();
        Run run = new Run();
        run.in = new ByteArrayInputStream(request.path("stdin").asText("").getBytes(StandardCharsets.UTF_8));
        String[] args = new String[request.get("args").size()];
        for (int i = 0; i < args.length; i++) args[i] = request.get("args").get(i).asText();
        runs.put(id, run);
        Thread thread = new Thread(() -> {
            current.set(run);
            execute(run, request.get("class").asText(), args);
            runs.remove(id);
            ObjectNode answer = json.createObjectNode();
            answer.put("id", id).put("exit", run.exit);
            answer.put("out", run.out.toString(StandardCharsets.UTF_8)).put("err", run.err.toString(StandardCharsets.UTF_8));
            synchronized (answers) { answers.println(answer); }
        });
        thread.setDaemon(true);
        thread.start();
    }

    public static void main(String[] unused) throws Exception {
        answers = System.out;
        System.setOut(new PrintStream(new Routed(false, System.err), true));
        System.setErr(new PrintStream(new Routed(true, System.err), true));
        BufferedReader requests = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        System.setIn(new RoutedInput());
        Exit.Procedure exit = (status, message) -> {
            Run run = current.get();
            if (run == null) Runtime.getRuntime().halt(status);
            if (message != null) System.err.println(message);
            run.exited(status);
            throw new ExitCalled(status);
        };
        Exit.setExitProcedure(exit);
        Exit.setHaltProcedure(exit);
        Exit.setShutdownHookAdder((name, hook) -> {
            Run run = current.get();
            if (run != null) run.hooks.add(hook);
        });
        for (String line; (line = requests.readLine()) != null;) {
            JsonNode request = json.readTree(line);
            if (!request.path("stop").asBoolean()) { start(request); continue; }
            Run run = runs.get(request.get("id").asInt());
            if (run != null) new Thread(() -> { current.set(run); run.runHooks(); }).start();
        }
        Runtime.getRuntime().halt(0);
    }
}
