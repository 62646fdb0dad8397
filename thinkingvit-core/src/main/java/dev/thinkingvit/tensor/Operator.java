package dev.thinkingvit.tensor;

import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.bytedeco.pytorch.Dispatcher;
import org.bytedeco.pytorch.GenericList;
import org.bytedeco.pytorch.IValue;
import org.bytedeco.pytorch.IValueVector;
import org.bytedeco.pytorch.OperatorHandle;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.Type;

/**
 * A libtorch operator found by name, for those that the Java binding has no method for. Immutable; safe from any
 * thread.
 */
public final class Operator {
    private final OperatorHandle handle;
    private final Map<Integer, Type.TypePtr> elementTypes = new ConcurrentHashMap<>();

    private Operator(OperatorHandle handle) {
        this.handle = handle;
    }

    /**
     * @param name with its namespace, such as {@code aten::_fused_adamw_}
     * @param overload {@code ""} for the plain one
     * @throws TensorException if this libtorch has no such operator
     */
    public static Operator find(String name, String overload) {
        Libtorch.load();
        try (Scope scope = new Scope()) {
            return new Operator(
                    Scope.own(new OperatorHandle(Dispatcher.singleton().findSchemaOrThrow(name, overload))));
        } catch (RuntimeException e) {
            throw TensorException.translate("operator " + name, e);
        }
    }

    /** Calls the operator for its effect on its arguments. */
    public void run(IValue... arguments) {
        try (Scope scope = new Scope()) {
            handle.callBoxed(new IValueVector(arguments));
        }
    }

    /** Calls the operator; its one result belongs to the calling thread's innermost scope. */
    public Tensor call(IValue... arguments) {
        try (Scope scope = new Scope()) {
            IValueVector stack = new IValueVector(arguments);
            handle.callBoxed(stack);
            // toTensor() only refers into the stack, which goes away: copy the handle
            return scope.keep(new Tensor(stack.get(0).toTensor()));
        }
    }

    /** Calls the operator; its one result is a boolean. */
    public boolean test(IValue... arguments) {
        try (Scope scope = new Scope()) {
            IValueVector stack = new IValueVector(arguments);
            handle.callBoxed(stack);
            return stack.get(0).toBool();
        }
    }

    /**
     * A list as the operator's argument {@code index}; lists carry the type of their elements, which the schema knows.
     * Belongs to the calling thread's innermost scope.
     */
    public IValue list(int index, Iterable<Tensor> elements) {
        GenericList list = new GenericList(elementTypes.computeIfAbsent(index, this::elementType));
        for (Tensor tensor : elements) {
            list.push_back(new IValue(tensor));
        }
        return new IValue(list);
    }

    // Asked once an argument: the binding copies the whole schema at each call and never frees all of it.
    private Type.TypePtr elementType(int index) {
        try (Scope scope = new Scope()) {
            return Scope.own(
                    handle.schema().arguments().getPointer(index).type().get().containedType(0));
        }
    }
}
