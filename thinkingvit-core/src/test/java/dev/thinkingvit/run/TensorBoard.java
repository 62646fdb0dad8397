package dev.thinkingvit.run;

import dev.thinkingvit.OutsidePython;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;

/** The real TensorBoard, where there is one; see {@link OutsidePython}. */
final class TensorBoard {
    private static final String READ = "import sys; from tensorboard.util import tensor_util as u;"
            + " from tensorboard.backend.event_processing.plugin_event_accumulator import EventAccumulator;"
            + " a = EventAccumulator(sys.argv[1], size_guidance={'tensors': 0}).Reload();"
            + " name = lambda tag: a.SummaryMetadata(tag).plugin_data.plugin_name;"
            + " show = lambda v: v.decode() if isinstance(v, bytes) else repr(float(v));"
            + " [print(name(tag), tag, e.step, show(u.make_ndarray(e.tensor_proto).item()))"
            + " for tag in sorted(a.Tags()['tensors']) for e in a.Tensors(tag)]";

    private TensorBoard() {}

    /** What it reads in a run's folder: a line {@code plugin tag step value} for each point. */
    static List<String> read(Path run) throws IOException, InterruptedException {
        return OutsidePython.lines("tensorboard", READ, run.toString());
    }
}
